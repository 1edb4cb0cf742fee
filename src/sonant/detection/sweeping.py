"""The events of a stream under many decisions at once, in bounded memory.

Where every score has been so low for so long that all decisions are at rest and may fire again, the
stream is cut; what lies before the cut is decided and forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from sonant.runtime.decision import Decision, Event, Scores, smooth, watched
from sonant.runtime.sweep import decide_scores

CUT_S: Final = 30.0
"""Length from which on a cut is looked for."""
LOGITS: Final = (-3.0, 14.0, 137)
"""First, last and number of the thresholds' logits: as dense near 1, where choices are made, as anywhere."""


def grid() -> tuple[float, ...]:
    """Rising thresholds from 0.05 to 1, those near the ends as far apart as scores there are."""
    first, last, count = LOGITS
    levels = 1 / (1 + np.exp(-np.linspace(first, last, count)))
    return (*(round(level, 8) for level in levels.tolist()), 1.0)


@final
class Smoother:
    """Scores of a stream as `runtime.decision` has them, block by block."""

    def __init__(self, decision: Decision, *, hop_s: float) -> None:
        self.decision, self.hop_s = decision, hop_s
        self._kept = decision.smoothing(hop_s) - 1
        self._past: NDArray[np.float32] | None = None

    def push(self, probabilities: NDArray[np.float32]) -> Scores:
        """Further frames [frames, labels] -> their scores."""
        past = probabilities[:0] if self._past is None else self._past
        seen = np.concatenate([past, probabilities])
        self._past = seen[max(0, len(seen) - self._kept) :]
        return smooth(seen, self.decision, hop_s=self.hop_s)[len(past) :]


@final
class Sweeper:
    """Collects the events of one stream under each of several decisions, which smooth alike."""

    def __init__(
        self,
        decisions: Sequence[Decision],
        *,
        labels: Sequence[str],
        hop_s: float,
        first_s: float,
    ) -> None:
        self.decisions, self.labels = tuple(decisions), tuple(labels)
        self.hop_s, self.first_s = hop_s, first_s
        self.events: list[list[Event]] = [[] for _ in self.decisions]
        """Of each decision, in the order of their being told."""
        every = [label for decision in self.decisions for label in watched(decision, self.labels)]
        self._columns = sorted({label.column for label in every})
        self._floor = min((label.release for label in every), default=1.0)
        """Below it no decision starts, goes on with, or stays in a burst."""
        self._rest = 1 + max(decision.refractory(hop_s) for decision in self.decisions)
        self._smoother = Smoother(self.decisions[0], hop_s=hop_s)
        self._held: list[Scores] = []
        self._frames = 0
        self._past = 0

    @property
    def held(self) -> int:
        """Frames that are not decided yet."""
        return self._frames

    def push(self, probabilities: NDArray[np.float32]) -> None:
        """Hear further frames, [frames, labels]."""
        if not len(probabilities):
            return
        scores = self._smoother.push(probabilities)
        self._held.append(scores)
        self._frames += len(scores)
        if self._frames * self.hop_s >= CUT_S:
            self._cut()

    def finish(self) -> None:
        """The stream is over."""
        self._decide(self._frames)

    def _cut(self) -> None:
        """Decide as far as the last place where everything is at rest, if there is one."""
        scores = np.concatenate(self._held)
        self._held = [scores]
        loud = np.any(scores[:, self._columns] >= self._floor, axis=1)
        edges = np.concatenate([[-1], np.flatnonzero(loud), [len(loud)]])
        wide = np.flatnonzero(np.diff(edges) > self._rest)
        if len(wide):
            self._decide(int(edges[wide[-1] + 1]))

    def _decide(self, frames: int) -> None:
        if not frames:
            return
        scores = np.concatenate(self._held)
        for told, decision in zip(self.events, self.decisions, strict=True):
            told += decide_scores(
                scores[:frames],
                decision,
                labels=self.labels,
                hop_s=self.hop_s,
                first_s=self.first_s + self._past * self.hop_s,
            )
        self._held = [scores[frames:].copy()]
        self._frames -= frames
        self._past += frames
