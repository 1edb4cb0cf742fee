"""Purity and V-measure, by hand and against scikit-learn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.speakers.agreement import agreement

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def test_by_hand() -> None:
    told = agreement(["a", "a", "a", "b", "b", "b"], [0, 0, 1, 1, 1, 1])
    assert told.purity == pytest.approx(5 / 6)
    assert agreement("aabb", [3, 3, 7, 7]).v_measure == 1.0
    apart = agreement("aabb", [0, 1, 2, 3])
    assert (apart.purity, apart.homogeneity) == (1.0, 1.0)
    assert apart.completeness == pytest.approx(0.5)
    together = agreement("aabb", [0, 0, 0, 0])
    assert (together.purity, together.v_measure) == (0.5, 0.0)


@settings(max_examples=100, deadline=None)
@given(pairs=PAIRS)
def test_as_scikit_learn_has_it(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    speakers, clusters = zip(*pairs, strict=True)
    told = agreement(speakers, clusters)
    wanted = metrics.homogeneity_completeness_v_measure(speakers, clusters)
    found = (told.homogeneity, told.completeness, told.v_measure)
    assert found == pytest.approx(wanted, abs=1e-9)


def test_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 speakers for 3 clusters"):
        agreement("ab", [1, 2, 3])
    with pytest.raises(ValueError, match="0 speakers"):
        agreement("", [])
