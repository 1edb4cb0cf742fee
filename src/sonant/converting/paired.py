"""Whether something changed from before to after, pair by pair, where pairs share sources and voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDS: Final = 2000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The mean of differences, and how sure it is."""

    mean: float
    low: float
    """Of the interval of 95 %."""
    high: float
    p_value: float
    """Of a mean so far from 0 where signs are chance, either way."""
    pairs: int
    above: float
    """The share of pairs whose difference is above 0."""


def change(
    differences: ArrayLike, *, sources: Sequence[str], voices: Sequence[str], seed: int = 0
) -> Change:
    """Test differences [pairs], after - before, for a mean other than 0.

    The interval is of rounds that redraw sources and voices, each with replacement; a pair counts as often as
    its source was drawn times its voice (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1
    (2007)). The test turns the signs of all pairs of a source together (Fisher's; Good, "Permutation,
    Parametric, and Bootstrap Tests of Hypotheses" (2005)). Raises `ValueError` for no pairs.
    """
    found = np.asarray(differences, np.float64)
    if not len(found):
        raise ValueError("there are no pairs to compare")
    random = np.random.default_rng(seed)
    low, high = np.quantile(_redrawn(found, sources, voices, random), [0.025, 0.975])
    return Change(
        mean=float(found.mean()),
        low=float(low),
        high=float(high),
        p_value=_p_value(found, sources, random),
        pairs=len(found),
        above=float((found > 0).mean()),
    )


def _redrawn(
    found: Floats, sources: Sequence[str], voices: Sequence[str], random: np.random.Generator
) -> Floats:
    """Means of the rounds, [rounds]; a round that drew no pair at all is drawn again."""
    sides = [np.unique(np.asarray(side), return_inverse=True)[1] for side in (sources, voices)]
    means: list[float] = []
    while len(means) < ROUNDS:
        weights = np.ones(len(found))
        for side in sides:
            count = int(side.max()) + 1
            weights *= random.multinomial(count, np.full(count, 1 / count))[side]
        if weights.any():
            means.append(float(np.average(found, weights=weights)))
    return np.array(means)


def _p_value(found: Floats, sources: Sequence[str], random: np.random.Generator) -> float:
    groups = np.unique(np.asarray(sources), return_inverse=True)[1]
    sums = np.bincount(groups, weights=found)
    signs = random.choice([-1.0, 1.0], size=(ROUNDS, len(sums)))
    # The signs as they are count as one of the rounds, so that no p-value is 0.
    further = np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-12)
    return float((1 + further.sum()) / (1 + ROUNDS))
