"""How sure a rate is: intervals from redrawn speakers, of one system or of two on the same trials.

Trials are not independent: those of a speaker share a voice, and a trial of two speakers depends on both.
Each round draws as many speakers as there are, with replacement; a trial then counts as often as its
speaker was drawn, and one of two speakers as often as one was drawn times the other. Source: resampling the
sets that share a subject is the one-layer bootstrap of Wu et al., "The impact of data dependence on speaker
recognition evaluation", IEEE/ACM TASLP 25 (2017); the percentiles are those of Efron and Tibshirani, "An
Introduction to the Bootstrap" (1993), chapter 13.

Rates that look for the best threshold or map on the trials themselves (minDCF, minCllr) come out lower the
fewer different trials a round holds, so their bounds lean down; read them beside those of EER and of the
actual cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from sonant.errors import ManifestError
from sonant.verification.checks import Bools, Floats, Numbers, probability, scored


class Rate(Protocol):
    """`rates.eer` and the others; `functools.partial` sets a prior."""

    def __call__(
        self, scores: ArrayLike, same: ArrayLike, /, *, weights: ArrayLike | None
    ) -> float:
        """The rate of weighted trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A rate, and the bounds that redrawn speakers put around it."""

    value: float
    """On the trials as they are."""
    low: float
    high: float
    rounds: int
    """Rounds that the bounds rest on; those without trials of both kinds do not count."""


def interval(
    rate: Rate,
    scores: ArrayLike,
    same: ArrayLike,
    *,
    speakers: tuple[Sequence[str], Sequence[str]],
    confidence: float = 0.95,
    rounds: int = 1000,
    seed: int = 0,
) -> Interval:
    """Bounds of a rate; `speakers` are those of the left and of the right, [trials] each.

    Raises `ManifestError` where a speaker is unknown, there are fewer than two, or no round holds trials of
    both kinds, and `ValueError` as the rate does.
    """
    values, truth, _ = scored(scores, same)
    drawn = _rounds(truth, speakers, rounds=rounds, seed=seed)
    found = np.array([rate(values, truth, weights=weights) for weights in drawn])
    return _bounds(rate(values, truth, weights=None), found, confidence)


def difference(
    rate: Rate,
    first: ArrayLike,
    second: ArrayLike,
    same: ArrayLike,
    *,
    speakers: tuple[Sequence[str], Sequence[str]],
    confidence: float = 0.95,
    rounds: int = 1000,
    seed: int = 0,
) -> Interval:
    """Bounds of rate(first) - rate(second), two systems' scores of the same trials redrawn together.

    Two systems err on the same hard speakers, so these bounds are narrower than the two intervals suggest.
    Raises as `interval`.
    """
    one, truth, _ = scored(first, same)
    two, _, _ = scored(second, same)
    drawn = _rounds(truth, speakers, rounds=rounds, seed=seed)
    found = [rate(one, truth, weights=w) - rate(two, truth, weights=w) for w in drawn]
    value = rate(one, truth, weights=None) - rate(two, truth, weights=None)
    return _bounds(value, np.array(found), confidence)


def _rounds(
    truth: Bools, speakers: tuple[Sequence[str], Sequence[str]], *, rounds: int, seed: int
) -> Iterator[Floats]:
    """Weights [trials] of each round that holds both kinds."""
    left, right, count = _numbered(speakers, len(truth))
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        times = random.multinomial(count, np.full(count, 1.0 / count))
        # A drawn speaker brings its own trials once each time.
        weights = np.where(left == right, times[left], times[left] * times[right]).astype(float)
        if weights[truth].any() and weights[~truth].any():
            yield weights


def _numbered(
    speakers: tuple[Sequence[str], Sequence[str]], trials: int
) -> tuple[Numbers, Numbers, int]:
    left, right = (list(side) for side in speakers)
    if len(left) != trials or len(right) != trials:
        raise ValueError(f"{trials} trials beside {len(left)} left and {len(right)} right speakers")
    if "" in left or "" in right:
        raise ManifestError(
            "some trials do not say who speaks, so speakers cannot be redrawn; fill the "
            "columns left_speaker and right_speaker"
        )
    names, numbers = np.unique([*left, *right], return_inverse=True)
    if len(names) < 2:
        raise ManifestError("there are no two speakers to redraw; add trials of more speakers")
    return numbers[:trials], numbers[trials:], len(names)


def _bounds(value: float, found: Floats, confidence: float) -> Interval:
    probability("confidence", confidence)
    if not len(found):
        raise ManifestError(
            "no redrawn set of speakers holds trials of both kinds: there are too few for an "
            "interval"
        )
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value=value, low=float(low), high=float(high), rounds=len(found))
