"""Scores for a picture that moves: few a second, the highest of each label since the last."""

from __future__ import annotations

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from sonant.runtime.decision import Decision
from sonant.runtime.session import Probabilities


@final
class Meter:
    """Smooths as the decision does, and keeps the peaks between two tellings."""

    def __init__(self, decision: Decision, *, labels: int, hop_s: float, hz: float) -> None:
        """Tell `hz` times a second of the stream at most."""
        self._span: Final = decision.smoothing(hop_s)
        self._every: Final = max(1, round(1 / (hz * hop_s)))
        self._past: NDArray[np.float64] = np.zeros((self._span, labels))
        self._peaks: NDArray[np.float64] = np.zeros(labels)
        self._since = 0

    def push(self, answers: Probabilities) -> list[float] | None:
        """Further answers [frames, labels] -> scores [labels], where it is time to tell them."""
        count = len(answers)
        seen = np.concatenate([self._past, answers])
        self._past = seen[-self._span :]
        sums = np.cumsum(seen, axis=0)
        means = (sums[self._span :] - sums[:count]) / self._span
        np.maximum(self._peaks, means.max(axis=0), out=self._peaks)
        self._since += count
        if self._since < self._every:
            return None
        told: list[float] = np.clip(self._peaks, 0, 1).round(4).tolist()
        self._peaks[:] = 0
        # What is over goes to the next, so that the rate is right for any length of step.
        self._since = min(self._since - self._every, self._every)
        return told
