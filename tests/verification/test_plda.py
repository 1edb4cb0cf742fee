"""PLDA scores are the log-likelihood ratios of its model, and tell speakers apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.errors import BundleError
from sonant.verification import rates
from sonant.verification.plda import Plda

SIZE = 6


def embeddings(people: int, each: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Speakers differ in the first three numbers, recordings most in the last three."""
    random = np.random.default_rng(seed)
    places = random.normal(size=(people, SIZE)) * [2, 2, 2, 0.2, 0.2, 0.2]
    rows = np.repeat(places, each, axis=0)
    rows = rows + random.normal(size=rows.shape) * [0.7, 0.7, 0.7, 3, 3, 3]
    return rows, [f"s{n}" for n in np.repeat(np.arange(people), each)]


@pytest.fixture(scope="module")
def plda() -> Plda:
    return Plda.fit(*embeddings(300, 5, seed=1))


def log_normal(x: np.ndarray, cov: np.ndarray) -> float:
    return float(-0.5 * (np.linalg.slogdet(2 * np.pi * cov)[1] + x @ np.linalg.solve(cov, x)))


def joint(spread: float, count: int) -> np.ndarray:
    """Covariance of some recordings of one speaker, in one coordinate."""
    return spread * np.ones((count, count)) + np.eye(count)


@given(st.integers(1, 4), st.integers(0, 10_000))
def test_it_is_the_ratio_of_one_speaker_to_two(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    spread = np.array([4.0, 0.5])
    model = Plda(centre=np.zeros(2), mean=np.zeros(2), transform=np.eye(2), spread=spread)
    enrolled, probe = random.normal(size=(count, 2)), random.normal(size=2)
    expected = 0.0
    for place, s in enumerate(spread):
        own, x = enrolled[:, place], probe[place]
        one = log_normal(np.append(own, x), joint(s, count + 1))
        expected += one - log_normal(own, joint(s, count)) - log_normal(np.array([x]), joint(s, 1))
    found = model.compare(enrolled.mean(axis=0, keepdims=True), probe[None], counts=[count])
    assert found[0] == pytest.approx(expected)


def test_sides_can_change_places_and_the_table_holds_all_pairs(plda: Plda) -> None:
    rows, _ = embeddings(4, 2, seed=2)
    left, right = rows[::2], rows[1::2]
    assert plda.score(left, right) == pytest.approx(plda.score(right, left))
    table = plda.table(plda.project(left), plda.project(right))
    assert table.diagonal() == pytest.approx(plda.score(left, right))
    assert table[0] == pytest.approx(plda.score(np.repeat(left[:1], 4, axis=0), right))


def test_it_tells_new_speakers_apart_better_than_the_cosine(plda: Plda) -> None:
    rows, _ = embeddings(100, 2, seed=3)
    left, right = plda.project(rows[::2]), plda.project(rows[1::2])
    same = np.eye(100, dtype=bool).ravel()
    scores = plda.table(left, right).ravel()
    angle = (
        rows[::2] @ rows[1::2].T / np.outer(*(np.linalg.norm(rows[n::2], axis=1) for n in (0, 1)))
    )
    assert rates.eer(scores, same) < rates.eer(angle.ravel(), same) - 0.05
    assert rates.cllr(scores, same) < 1.0


def test_more_enrolled_recordings_help(plda: Plda) -> None:
    rows, _ = embeddings(120, 6, seed=4)
    place = plda.project(rows).reshape(120, 6, -1)
    same = np.eye(120, dtype=bool).ravel()

    def error(count: int) -> float:
        enrolled = np.repeat(place[:, :count].mean(axis=1), 120, axis=0)
        probe = np.tile(place[:, 5], (120, 1))
        return rates.eer(plda.compare(enrolled, probe, counts=np.full(120**2, count)), same)

    assert error(5) < error(1)


def test_the_rank_keeps_where_speakers_differ_most() -> None:
    found = Plda.fit(*embeddings(300, 5, seed=5), rank=3)
    assert found.transform.shape == (SIZE, 3)
    # What is kept leans on the numbers in which speakers were made to differ.
    assert np.abs(found.transform[:3]).sum() > 5 * np.abs(found.transform[3:]).sum()
    with pytest.raises(ValueError, match="rank is 7, want 1 to 6"):
        Plda.fit(*embeddings(5, 5, seed=5), rank=7)


def test_it_survives_being_taken_apart(plda: Plda) -> None:
    again = Plda.from_arrays(plda.arrays())
    rows, _ = embeddings(3, 2, seed=6)
    assert np.array_equal(again.score(rows[::2], rows[1::2]), plda.score(rows[::2], rows[1::2]))


def test_arrays_that_are_not_its_own_are_refused(plda: Plda) -> None:
    with pytest.raises(BundleError, match="holds centre, mean, spread; want centre, mean"):
        Plda.from_arrays({k: v for k, v in plda.arrays().items() if k != "transform"})
    with pytest.raises(BundleError, match=r"transform has the shape \(2, 2\), want \(6, 6\)"):
        Plda.from_arrays(plda.arrays() | {"transform": np.eye(2)})
    with pytest.raises(ValueError, match="embeddings have 2 numbers, the model 6"):
        plda.project([[1.0, 2.0]])
