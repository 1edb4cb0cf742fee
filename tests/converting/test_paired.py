"""Whether something changed, where pairs share sources and voices."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.converting.paired import change


def test_a_change_that_all_pairs_share_is_sure() -> None:
    random = np.random.default_rng(0)
    found = change(
        0.2 + 0.05 * random.standard_normal(60),
        sources=[str(n % 12) for n in range(60)],
        voices=[str(n // 12) for n in range(60)],
    )
    assert found.mean == pytest.approx(0.2, abs=0.02)
    assert 0.15 < found.low < found.mean < found.high < 0.25
    assert found.p_value < 0.01
    assert (found.pairs, found.above) == (60, 1.0)


def test_no_change_is_not_taken_for_one() -> None:
    random = np.random.default_rng(1)
    p_values = []
    for _ in range(60):
        noise = random.standard_normal(20)
        ends = [str(n) for n in range(20)]
        p_values.append(change(noise, sources=ends, voices=ends).p_value)
    # Uniform: one in ten lies below 0.1.
    assert np.mean(np.array(p_values) < 0.1) < 0.25
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.25)


def test_pairs_of_one_source_are_not_independent() -> None:
    random = np.random.default_rng(2)
    level = random.standard_normal(5)
    shared = np.repeat(level, 20)
    voices = [str(n % 20) for n in range(100)]
    together = change(shared, sources=[str(n // 20) for n in range(100)], voices=voices)
    apart = change(shared, sources=[str(n) for n in range(100)], voices=voices)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        change([], sources=[], voices=[])
