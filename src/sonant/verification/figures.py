"""All figures of a verification system on a list of trials, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from numpy.typing import ArrayLike

from sonant.verification import rates
from sonant.verification.checks import scored
from sonant.verification.intervals import Interval, Rate, interval
from sonant.verification.trials import Sessions, TrialList

OF_SCORES: Final[Mapping[str, Rate]] = {
    "eer": rates.eer,
    "min_dcf_0.01": partial(rates.min_dcf, prior=0.01),
    "min_dcf_0.05": partial(rates.min_dcf, prior=0.05),
    "min_cllr": rates.min_cllr,
}
"""What follows from any scores, by name."""
OF_LLRS: Final[Mapping[str, Rate]] = {
    "cllr": rates.cllr,
    "act_dcf_0.01": partial(rates.act_dcf, prior=0.01),
    "act_dcf_0.05": partial(rates.act_dcf, prior=0.05),
}
"""What follows from calibrated scores alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How well a system tells speakers apart."""

    rates: Mapping[str, Interval]
    """By the names of `OF_SCORES` and, where LLRs were given, `OF_LLRS`."""
    same: int
    """Trials of one speaker."""
    different: int
    """Trials of two."""
    speakers: int
    sessions: Sessions
    digest: str
    """Of the trials."""


def measure(
    scores: ArrayLike,
    trials: TrialList,
    *,
    llrs: ArrayLike | None = None,
    rounds: int = 1000,
    seed: int = 0,
) -> Figures:
    """Every rate of scores [trials], and of LLRs [trials] where given, with 95 % intervals by speaker.

    Raises as `intervals.interval`.
    """
    _, same, _ = scored(scores, trials.same)
    asked = [(name, rate, scores) for name, rate in OF_SCORES.items()]
    if llrs is not None:
        asked += [(name, rate, llrs) for name, rate in OF_LLRS.items()]
    speakers = ([t.left_speaker for t in trials], [t.right_speaker for t in trials])
    return Figures(
        rates={
            name: interval(rate, values, same, speakers=speakers, rounds=rounds, seed=seed)
            for name, rate, values in asked
        },
        same=int(same.sum()),
        different=int((~same).sum()),
        speakers=len(trials.speakers),
        sessions=trials.sessions(),
        digest=trials.digest,
    )
