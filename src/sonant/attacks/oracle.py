"""A model of which only the answers are seen, each of them counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, final

import torch
from torch import Tensor

from sonant.errors import SonantError


class Answers(NamedTuple):
    """What a model says of some clips."""

    scores: Tensor
    """[batch], higher is nearer to what the attacker wants."""
    got: Tensor
    """[batch], whether he has it."""


Ask: TypeAlias = Callable[[Tensor], Answers]
"""[batch, 1, samples] -> answers; nothing else is known of the model."""


class Spent(SonantError):
    """The queries that an attack was allowed are used up."""


@final
class Oracle:
    """Asks in pieces, counts the clips it asked about, and stops at a budget."""

    def __init__(self, ask: Ask, *, budget: int, batch: int = 64) -> None:
        """`budget` is in clips asked about, all together."""
        self._ask = ask
        self._batch = batch
        self.budget: Final = budget
        self.queries = 0
        """Clips asked about so far."""

    @property
    def left(self) -> int:
        """Clips that may still be asked about."""
        return self.budget - self.queries

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Answers:
        """Raises `Spent` where the clips [batch, 1, samples] are more than are left."""
        if len(samples) > self.left:
            raise Spent(f"{self.queries} of {self.budget} queries are used; {len(samples)} wanted")
        self.queries += len(samples)
        parts = [self._ask(part) for part in torch.split(samples, self._batch)]
        return Answers(torch.cat([p.scores for p in parts]), torch.cat([p.got for p in parts]))
