"""Scores against a cohort: what a side scores with strangers no longer counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.verification import rates
from sonant.verification.norms import as_norm, cosine_table, cosines, moments, unit


def test_cosines_by_hand() -> None:
    found = cosines([[1, 0], [3, 4], [2, 0]], [[0, 5], [3, 4], [-1, 0]])
    assert found.tolist() == [0.0, 1.0, -1.0]


@given(st.integers(0, 10_000))
def test_the_table_holds_the_cosines_of_all_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(4, 3)), random.normal(size=(5, 3))
    table = cosine_table(left, right)
    assert table.shape == (4, 5)
    assert table[1] == pytest.approx(cosines(np.tile(left[1], (5, 1)), right))
    assert np.abs(cosine_table(left, left * 3).diagonal()) == pytest.approx(np.ones(4))


def test_an_embedding_of_nothing_points_nowhere() -> None:
    with pytest.raises(ValueError, match="embedding 1 is all zeros"):
        unit([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="one row a trial in both"):
        cosines([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])


def by_hand(score: float, left: np.ndarray, right: np.ndarray, top: int) -> float:
    sides = [np.sort(side)[-top:] for side in (left, right)]
    return float(np.mean([(score - side.mean()) / side.std() for side in sides]))


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_each_side_counts_its_nearest_strangers(seed: int, top: int) -> None:
    random = np.random.default_rng(seed)
    scores, left, right = (
        random.normal(size=3),
        random.normal(size=(3, 6)),
        random.normal(size=(3, 6)),
    )
    found = as_norm(scores, left, right, top=top)
    one_by_one = [by_hand(*row, top) for row in zip(scores, left, right, strict=True)]
    assert found == pytest.approx(one_by_one)
    assert as_norm(scores, right, left, top=top) == pytest.approx(found)


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_a_system_with_another_scale_gives_the_same(scale: float, offset: float) -> None:
    random = np.random.default_rng(0)
    scores, left, right = (
        random.normal(size=4),
        random.normal(size=(4, 9)),
        random.normal(size=(4, 9)),
    )
    moved = (scale * part + offset for part in (scores, left, right))
    assert as_norm(*moved, top=5) == pytest.approx(as_norm(scores, left, right, top=5))


def test_it_mends_recordings_that_are_near_to_everybody() -> None:
    random = np.random.default_rng(1)
    trials = 2000
    same = np.arange(trials) % 2 == 0
    # A recording's channel lifts what it scores with anybody.
    lift = random.normal(scale=2.0, size=(2, trials))
    scores = random.normal(size=trials) + 2.5 * same + lift.sum(axis=0)
    left, right = (random.normal(size=(trials, 60)) + 2.0 * part[:, None] for part in lift)
    normed = as_norm(scores, left, right, top=40)
    assert rates.eer(normed, same) < rates.eer(scores, same) - 0.05


def test_a_cohort_has_to_be_large_and_varied_enough() -> None:
    with pytest.raises(ValueError, match="top is 4, and the cohort has 3"):
        moments(np.eye(3), top=4)
    with pytest.raises(ValueError, match="top is 1"):
        moments(np.eye(3), top=1)
    with pytest.raises(ValueError, match="recording 1 scores alike with its 2 nearest"):
        moments([[0.1, 0.2, 0.3], [0.5, 0.5, 0.1]], top=2)
    with pytest.raises(ValueError, match="2 scores beside moments of 1 left"):
        as_norm([0.1, 0.2], [[0.1, 0.2]], [[0.1, 0.2]], top=2)
