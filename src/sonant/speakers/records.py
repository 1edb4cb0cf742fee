"""What a store says about speakers."""

from __future__ import annotations

from dataclasses import dataclass

from sonant.speakers.vectors import Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Somebody who is enrolled."""

    name: str
    utterances: int
    """How many are kept."""
    enrolled: str
    """When the last one came, ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody who may have spoken."""

    name: str
    cosine: float
    """Between the embedding and the middle of the speaker's utterances, -1 to 1; no probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One embedding of a speaker."""

    name: str
    """Whose it is."""
    vector: Vectors
    """[size]; the store keeps it at unit length."""
    source: str = ""
    """Where it came from, in the words of whoever enrolled it."""
    enrolled: str = ""
    """When, ISO 8601, UTC; empty means now."""
