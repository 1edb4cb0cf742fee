"""An 8-bit range ends where cutting further would lose more than finer steps win."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sonant.export.least_error import PARTS, STEPS, narrowed


def counted(values: NDArray[np.float64]) -> tuple[tuple[float, float], NDArray[np.float64]]:
    widest = min(0.0, float(values.min())), max(0.0, float(values.max()))
    counts, _ = np.histogram(values, bins=PARTS, range=widest)
    return widest, counts.astype(np.float64)


def lost(values: NDArray[np.float64], low: float, high: float) -> float:
    """Mean square of what 8 bits lose, by doing it."""
    step = (high - low) / STEPS
    held = np.clip(np.round(values / step), round(low / step), round(high / step)) * step
    return float(np.square(values - held).mean())


def test_a_long_tail_is_cut_for_the_sake_of_all_other_values() -> None:
    values = np.random.default_rng(0).laplace(size=100_000)
    widest, counts = counted(values)
    low, high = narrowed(widest, counts)
    assert widest[0] < 1.1 * low < 0
    assert widest[1] > 1.1 * high > 0
    assert lost(values, low, high) < 0.9 * lost(values, *widest)


def test_values_that_are_spread_evenly_keep_their_range() -> None:
    widest, counts = counted(np.random.default_rng(0).uniform(-2, 3, 100_000))
    assert narrowed(widest, counts) == pytest.approx(widest, rel=0.02)


@pytest.mark.parametrize("widest", [(0.0, 4.0), (-3.0, 0.0)])
def test_an_end_at_zero_stays_there(widest: tuple[float, float]) -> None:
    low, high = narrowed(widest, np.ones(PARTS))
    assert (low == 0) == (widest[0] == 0)
    assert (high == 0) == (widest[1] == 0)


def test_where_nothing_was_counted_the_range_stays() -> None:
    assert narrowed((-1.0, 2.0), np.zeros(PARTS)) == (-1.0, 2.0)
    assert narrowed((0.0, 0.0), np.ones(PARTS)) == (0.0, 0.0)


@given(st.integers(0, 2**32 - 1), st.floats(2.5, 6.0))
def test_it_loses_no_more_than_the_widest(seed: int, tail: float) -> None:
    values = np.random.default_rng(seed).standard_t(tail, 20_000)
    widest, counts = counted(values)
    assert lost(values, *narrowed(widest, counts)) <= lost(values, *widest)
