"""What a run tells whoever watches; the command line draws it, a notebook may too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """A part of a long piece of work is done."""

    what: str
    """`decoding`, `evaluating`..."""
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """One optimiser step is done."""

    epoch: int
    """Counted from 1."""
    epochs: int
    step: int
    steps: int
    loss: float
    """Mean of the epoch so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochDone:
    """One pass over the training split is done; the same row stands in `metrics.jsonl`."""

    row: dict[str, float]
    epochs: int
    best: bool
    """Whether it is the best so far."""


Event: TypeAlias = Note | Working | Stepped | EpochDone
OnEvent: TypeAlias = Callable[[Event], None]


def silent(event: Event) -> None:
    """Watch nothing."""
