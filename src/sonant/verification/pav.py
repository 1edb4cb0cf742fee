"""Pool adjacent violators: the rising step function nearest to values, and LLRs by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sonant.verification.checks import Bools, Floats, Numbers, scored


def pav(values: ArrayLike, weights: ArrayLike) -> Floats:
    """Fit values [points] by numbers that never fall, with the least weighted squared error.

    Neighbours that fall are pooled into their mean until none do. Weights are above 0. Source: Ayer et al.,
    "An empirical distribution function for sampling with incomplete information", Ann. Math. Stat. 26 (1955).
    """
    means: list[float] = []
    masses: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(np.asarray(values), np.asarray(weights), strict=True):
        mean, mass, length = float(value), float(weight), 1
        while means and means[-1] >= mean:
            mean = (means[-1] * masses[-1] + mean * mass) / (masses[-1] + mass)
            mass += masses[-1]
            length += lengths[-1]
            del means[-1], masses[-1], lengths[-1]
        means.append(mean)
        masses.append(mass)
        lengths.append(length)
    # A mean of means may round below the mean before it.
    steps = np.repeat(np.asarray(means, dtype=np.float64), lengths)
    return np.asarray(np.maximum.accumulate(steps))


def optimal_llrs(scores: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None) -> Floats:
    """The LLR of each trial [trials] by the best calibration that never falls with the score.

    PAV on the truth in order of score, tied scores first made one point, gives the posterior at equal priors;
    its log odds are the LLR, infinite where one kind stands alone. Source: Brümmer and du Preez, "The PAV
    algorithm optimizes binary proper scoring rules", arXiv:1304.2331, section 5.
    """
    posteriors, place = _posteriors(*scored(scores, same, weights=weights))
    with np.errstate(divide="ignore"):
        llrs = np.log(posteriors) - np.log1p(-posteriors)
    return np.asarray(llrs[place])


def least_cost(scores: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Cllr of `optimal_llrs`, in bits, without going through infinite numbers."""
    values, truth, weighing = scored(scores, same, weights=weights)
    posteriors, place = _posteriors(values, truth, weighing)
    # Mass of no weight can lie where its kind has the probability 0; it costs nothing.
    right = np.where(truth, posteriors[place], 1.0 - posteriors[place])[weighing > 0]
    loss = -np.log2(right) * (_shares(truth, weighing) / 2.0)[weighing > 0]
    return float(loss.sum())


def _shares(truth: Bools, weights: Floats) -> Floats:
    """Weights that sum to 1 over the trials of each kind."""
    return np.asarray(
        np.where(truth, weights / weights[truth].sum(), weights / weights[~truth].sum())
    )


def _posteriors(scores: Floats, truth: Bools, weights: Floats) -> tuple[Floats, Numbers]:
    """P(same | score) at equal priors for some scores, and which of them each trial has."""
    shares = _shares(truth, weights)
    place = np.unique(scores, return_inverse=True)[1].astype(np.int64)
    mass = np.bincount(place, weights=shares)
    same = np.bincount(place, weights=shares * truth)
    # Trials of no weight would be points without a mean.
    heavy = mass > 0
    rate = np.divide(same, mass, out=np.zeros_like(mass), where=heavy)
    fitted = _by_runs(np.asarray(rate[heavy]), np.asarray(mass[heavy]))
    return fitted[np.maximum(np.cumsum(heavy) - 1, 0)], place


def _by_runs(rate: Floats, mass: Floats) -> Floats:
    """PAV where points with the same value as their neighbour count as one: they always get one fit."""
    first = np.concatenate([[True], rate[1:] != rate[:-1]])
    run = np.cumsum(first) - 1
    return np.asarray(pav(rate[first], np.bincount(run, weights=mass))[run])
