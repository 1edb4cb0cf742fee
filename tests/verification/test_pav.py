"""Pooling adjacent violators gives the nearest rising values, and by them the best LLRs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.verification.pav import optimal_llrs, pav

points = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), min_size=1, max_size=25)


def by_the_formula(values: list[float], weights: list[float]) -> list[float]:
    """Fit i is the largest, over starts j <= i, of the least mean of j to k, over ends k >= i."""

    def mean(j: int, k: int) -> float:
        return float(np.average(values[j : k + 1], weights=weights[j : k + 1]))

    count = len(values)
    return [
        max(min(mean(j, k) for k in range(i, count)) for j in range(i + 1)) for i in range(count)
    ]


def test_neighbours_that_fall_are_pooled() -> None:
    assert pav([1, 3, 2, 4], [1, 1, 1, 1]).tolist() == [1, 2.5, 2.5, 4]
    assert pav([3, 0], [1, 2]).tolist() == [1, 1]
    assert pav([], []).tolist() == []


@given(points)
def test_it_is_the_largest_of_least_means(pairs: list[tuple[int, int]]) -> None:
    values, weights = zip(*pairs, strict=True)
    assert pav(values, weights) == pytest.approx(by_the_formula(list(values), list(weights)))


@given(points)
def test_it_never_falls_keeps_the_mean_and_leaves_what_rises(pairs: list[tuple[int, int]]) -> None:
    values, weights = (np.array(part, float) for part in zip(*pairs, strict=True))
    fitted = pav(values, weights)
    assert (np.diff(fitted) >= 0).all()
    assert fitted @ weights == pytest.approx(values @ weights)
    assert np.array_equal(pav(np.sort(values), weights), np.sort(values))
    assert pav(fitted, weights) == pytest.approx(fitted)


@given(st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=1, max_size=25))
def test_llrs_never_fall_with_the_score_and_ties_share_one(rows: list[tuple[int, bool]]) -> None:
    rows = [*rows, (-3, True), (3, False)]
    scores, same = (list(part) for part in zip(*rows, strict=True))
    llrs = optimal_llrs(scores, same)
    for one, a in zip(scores, llrs, strict=True):
        for other, b in zip(scores, llrs, strict=True):
            assert a <= b or one > other
            assert a == b or one != other


def test_llrs_are_the_odds_in_a_pool_over_those_of_all() -> None:
    # The pool of scores 1 and 2 has 1 of 2 same and 2 of 3 different trials.
    llrs = optimal_llrs([0, 1, 2, 2, 3], [0, 1, 0, 0, 1])
    assert llrs[1:4] == pytest.approx(np.full(3, math.log((1 / 2) / (2 / 3))))
    assert (llrs[0], llrs[4]) == (-math.inf, math.inf)
