"""Made-up speakers: a direction each, and utterances around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sonant.speakers.records import Utterance

MODEL = "a" * 64
OTHER_MODEL = "b" * 64
SIZE = 16


def voice(
    number: int, *, utterances: int = 3, size: int = SIZE, spread: float = 0.1
) -> NDArray[np.float32]:
    """[utterances, size] of speaker `number`, of unit length; the same numbers every time."""
    middle = _units(np.random.default_rng((1, number)).standard_normal((1, size)))
    draws = np.random.default_rng((2, number)).standard_normal((utterances, size))
    return _units(middle + spread * draws).astype(np.float32)


def crowd(speakers: int, *, utterances: int = 1, size: int = SIZE) -> list[Utterance]:
    """Utterances of many speakers, named by number."""
    return [
        Utterance(name=f"speaker {number}", vector=vector, source=f"{number}.wav")
        for number in range(speakers)
        for vector in voice(number, utterances=utterances, size=size)
    ]


def _units(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
