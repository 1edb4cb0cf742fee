"""The model of speakers and recordings finds what made the data, and every step explains them better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.errors import ManifestError
from sonant.verification.two_covariance import TwoCovariance

BETWEEN = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 0.3]])
WITHIN = np.array([[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 1.5]])
MEAN = np.array([5.0, -2.0, 1.0])


def people(
    counts: list[int] | np.ndarray, seed: int, between: np.ndarray = BETWEEN
) -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(seed)
    places = random.multivariate_normal(MEAN, between, len(counts))
    rows = np.repeat(places, counts, axis=0)
    rows = rows + random.multivariate_normal(np.zeros(3), WITHIN, len(rows))
    return rows, [f"s{n}" for n in np.repeat(np.arange(len(counts)), counts)]


def log_likelihood(model: TwoCovariance, rows: np.ndarray, speakers: list[str]) -> float:
    """Of each speaker's recordings as one long Gaussian vector."""
    total = 0.0
    for name in set(speakers):
        own = rows[[speaker == name for speaker in speakers]]
        count = len(own)
        cov = np.kron(np.ones((count, count)), model.between) + np.kron(np.eye(count), model.within)
        off = (own - model.mean).ravel()
        total -= 0.5 * (np.linalg.slogdet(2 * np.pi * cov)[1] + off @ np.linalg.solve(cov, off))
    return float(total)


def test_it_finds_the_covariances_that_made_the_data() -> None:
    rows, speakers = people(np.random.default_rng(0).integers(1, 8, 3000), seed=1)
    found = TwoCovariance.fit(rows, speakers)
    assert found.within == pytest.approx(WITHIN, abs=0.08)
    assert found.between == pytest.approx(BETWEEN, abs=0.25)
    assert found.mean == pytest.approx(MEAN, abs=0.15)


def test_no_step_lowers_the_likelihood_of_the_data() -> None:
    rows, speakers = people([1, 2, 5, 3, 1, 4, 2, 6], seed=2)
    told = [
        log_likelihood(TwoCovariance.fit(rows, speakers, iterations=n), rows, speakers)
        for n in range(12)
    ]
    assert (np.diff(told) > -1e-9).all()
    assert told[-1] > told[0] + 0.01


def test_in_the_end_no_other_mean_explains_the_data_better() -> None:
    rows, speakers = people([1, 9, 2, 1, 7], seed=8)
    found = TwoCovariance.fit(rows, speakers, iterations=400)
    best = log_likelihood(found, rows, speakers)
    for move in (*np.eye(3) * 0.05, *np.eye(3) * -0.05):
        assert log_likelihood(replace(found, mean=found.mean + move), rows, speakers) < best


def test_neither_the_order_nor_the_names_of_people_matter() -> None:
    rows, speakers = people([2, 3, 4, 5, 3], seed=3)
    order = np.random.default_rng(0).permutation(len(rows))
    one = TwoCovariance.fit(rows, speakers)
    other = TwoCovariance.fit(rows[order], [f"z{speakers[n]}" for n in order])
    assert other.between == pytest.approx(one.between)
    assert other.within == pytest.approx(one.within)


def test_its_own_coordinates_make_both_covariances_diagonal() -> None:
    model = TwoCovariance(mean=MEAN, between=BETWEEN, within=WITHIN)
    transform, spread = model.diagonal()
    assert transform.T @ WITHIN @ transform == pytest.approx(np.eye(3))
    assert transform.T @ BETWEEN @ transform == pytest.approx(np.diag(spread))
    assert (np.diff(spread) <= 0).all()


def test_speakers_that_do_not_differ_have_no_spread() -> None:
    rows, speakers = people([4] * 500, seed=4, between=np.zeros((3, 3)))
    _, spread = TwoCovariance.fit(rows, speakers, iterations=50).diagonal()
    assert spread.max() < 0.1


def test_few_recordings_want_shrinkage_and_get_it() -> None:
    rows, speakers = people([2, 1, 1], seed=5)
    with pytest.raises(ManifestError, match="leave 1 directions within speakers, of 3"):
        TwoCovariance.fit(rows, speakers)
    found = TwoCovariance.fit(rows, speakers, shrinkage=0.5)
    assert np.linalg.eigvalsh(found.within).min() > 0


def test_recordings_that_repeat_each_other_are_refused() -> None:
    with pytest.raises(ManifestError, match="do not differ in every direction"):
        TwoCovariance(mean=MEAN, between=BETWEEN, within=np.diag([1.0, 0.0, 1.0])).diagonal()


@pytest.mark.parametrize(
    ("counts", "message"), [([5], "5 recordings of 1"), ([1, 1], "2 recordings of 2")]
)
def test_one_person_or_one_recording_each_cannot_be_modelled(
    counts: list[int], message: str
) -> None:
    rows, speakers = people(counts, seed=6)
    with pytest.raises(ManifestError, match=message):
        TwoCovariance.fit(rows, speakers, shrinkage=1.0)


def test_arguments_that_do_not_fit_are_refused() -> None:
    rows, speakers = people([3, 3], seed=7)
    with pytest.raises(ValueError, match="6 embeddings beside 5 speakers"):
        TwoCovariance.fit(rows, speakers[:5])
    with pytest.raises(ValueError, match="shrinkage is -1"):
        TwoCovariance.fit(rows, speakers, shrinkage=-1)
