"""How a verification system does on parts of its trials: by speech, by session, by gender."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonant.verification import rates
from sonant.verification.checks import Bools, Floats
from sonant.verification.intervals import Interval, interval
from sonant.verification.trials import TrialList

EDGES_S: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds of speech at which trials are parted."""
FEWEST: Final = 20
"""Trials of either kind below which a rate of a part says nothing, and none is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Trials that have something in common."""

    name: str
    same: int
    """Trials of one speaker."""
    different: int
    """Trials of two."""
    speakers: int
    eer: Interval | None
    """None where one kind has fewer than `FEWEST` trials."""
    min_dcf: float | None
    """At the prior 0.05; None as above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicer:
    """Trials with their scores, ready to be parted."""

    trials: TrialList
    scores: Floats
    """[trials]"""
    rounds: int
    seed: int

    def part(self, name: str, chosen: ArrayLike) -> Slice:
        """The trials that are chosen, [trials]."""
        kept: Bools = np.asarray(chosen, np.bool_)
        trials, scores = self.trials.where(kept), self.scores[kept]
        same = trials.same
        enough = min(int(same.sum()), int((~same).sum())) >= FEWEST
        return Slice(
            name=name,
            same=int(same.sum()),
            different=int((~same).sum()),
            speakers=len(trials.speakers),
            eer=self._eer(trials, scores) if enough else None,
            min_dcf=rates.min_dcf(scores, same, prior=0.05) if enough else None,
        )

    def _eer(self, trials: TrialList, scores: Floats) -> Interval:
        sides = ([t.left_speaker for t in trials], [t.right_speaker for t in trials])
        return interval(
            rates.eer, scores, trials.same, speakers=sides, rounds=self.rounds, seed=self.seed
        )

    def by_speech(self, seconds: Mapping[str, float]) -> tuple[Slice, ...]:
        """By seconds of speech in the side that has less; `seconds` are those of each clip."""
        least = np.array([min(seconds[t.left], seconds[t.right]) for t in self.trials])
        edges = (0.0, *EDGES_S, np.inf)
        parts = (
            (_seconds(low, high), (low <= least) & (least < high))
            for low, high in itertools.pairwise(edges)
        )
        return tuple(self.part(name, chosen) for name, chosen in parts if chosen.any())

    def by_session(self) -> tuple[Slice, ...]:
        """Pairs of one speaker from one sitting, from two, and of who knows how many, beside all others."""
        same = self.trials.same
        found = []
        for sitting, name in ((True, "one session"), (False, "two sessions"), (None, "unknown")):
            mine = np.array([t.same_session is sitting for t in self.trials]) & same
            if mine.any():
                found.append(self.part(name, mine | ~same))
        return tuple(found)

    def by_gender(self, genders: Mapping[str, str]) -> tuple[Slice, ...]:
        """Trials within each gender; nothing where no speaker's is known."""
        sides = [
            (genders.get(t.left_speaker, ""), genders.get(t.right_speaker, "")) for t in self.trials
        ]
        names = sorted({name for pair in sides for name in pair} - {""})
        if not names:
            return ()
        parts = [(name, [pair == (name, name) for pair in sides]) for name in names]
        if len(names) > 1:
            parts.append(("within a gender", [one == two != "" for one, two in sides]))
        parts.append(("unknown", [not (one and two) for one, two in sides]))
        return tuple(self.part(name, chosen) for name, chosen in parts if any(chosen))


def _seconds(low: float, high: float) -> str:
    if not low:
        return f"under {high:g} s"
    return f"{low:g} s or more" if np.isinf(high) else f"{low:g} to {high:g} s"
