"""Calibrated scores are log-likelihood ratios: cheaper, in the same order, and honest about their odds."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sonant.errors import BundleError, ManifestError
from sonant.verification import logistic, rates
from sonant.verification.calibration import Calibration
from sonant.verification.quality import of_pairs


def gaussian(*, trials: int, seed: int, apart: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose LLR is known: N(+-apart / 2, 1), so apart * score."""
    random = np.random.default_rng(seed)
    same = np.arange(trials) % 3 == 0
    return random.normal(size=trials) + np.where(same, apart / 2, -apart / 2), same


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-3, 3, width=32), st.booleans()), min_size=6, max_size=40),
    st.floats(0.2, 4),
    st.floats(-5, 5),
)
def test_it_lowers_the_cost_and_never_changes_the_least_cost(
    rows: list[tuple[float, bool]], slope: float, offset: float
) -> None:
    scores = np.round([score for score, _ in rows], 2) * slope + offset
    same = np.array([truth for _, truth in rows])
    assume(same.any() and not same.all())
    assume(scores[same].mean() > scores[~same].mean() + 0.05)
    llrs = Calibration.fit(scores, same).llr(scores)
    # The prior on the slope may cost as much as it would have at the slope of 1.
    pull = 0.5 * scores.var() / (logistic.DEVIATION**2 * math.log(2) * len(scores)) * 3
    assert rates.cllr(llrs, same) <= rates.cllr(scores, same) + pull
    assert rates.cllr(llrs, same) <= 1.0
    assert rates.min_cllr(llrs, same) == rates.min_cllr(scores, same)
    assert rates.eer(llrs, same) == rates.eer(scores, same)


def test_it_finds_the_llr_of_gaussian_scores() -> None:
    scores, same = gaussian(trials=30_000, seed=1)
    found = Calibration.fit(scores, same)
    assert found.slope == pytest.approx(3.0, rel=0.05)
    assert found.offset == pytest.approx(0.0, abs=0.08)
    assert (found.same, found.different) == (10_000, 20_000)
    llrs = found.llr(scores)
    assert rates.cllr(llrs, same) == pytest.approx(rates.min_cllr(scores, same), abs=0.01)


def test_the_share_of_trials_of_one_kind_does_not_move_it() -> None:
    scores, same = gaussian(trials=3000, seed=2)
    many = np.concatenate([scores, scores[~same], scores[~same]])
    truth = np.concatenate([same, same[~same], same[~same]])
    one, other = Calibration.fit(scores, same), Calibration.fit(many, truth)
    assert other.slope == pytest.approx(one.slope, rel=1e-3)
    assert other.offset == pytest.approx(one.offset, abs=1e-3)


def test_the_prior_says_where_it_has_to_be_exact() -> None:
    random = np.random.default_rng(3)
    same = np.arange(20_000) % 2 == 0
    # Strangers spread wider than friends: no line is right everywhere.
    scores = np.where(same, random.normal(2, 0.7, len(same)), random.normal(0, 1.5, len(same)))
    rare = Calibration.fit(scores, same, prior=0.01).llr(scores)
    even = Calibration.fit(scores, same, prior=0.5).llr(scores)
    assert rates.act_dcf(rare, same, prior=0.01) < rates.act_dcf(even, same, prior=0.01)
    assert rates.cllr(even, same) < rates.cllr(rare, same)


def test_trials_without_a_fault_give_a_finite_map() -> None:
    found = Calibration.fit([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert 0 < found.slope < 1000
    llrs = found.llr([0.1, 0.2, 0.8, 0.9])
    assert (np.sign(llrs) == [-1, -1, 1, 1]).all()


def test_probability_is_that_of_bayes() -> None:
    # Odds of 1 to 99 times a likelihood ratio of 99 are even.
    assert Calibration.probability(math.log(99), 0.01) == pytest.approx(0.5)
    assert Calibration.probability([0.0, 0.0], 0.3) == pytest.approx([0.3, 0.3])
    assert Calibration.probability([-1e4, 1e4, math.inf], 0.5).tolist() == [0.0, 1.0, 1.0]


def test_of_what_it_gives_nine_to_one_nine_of_ten_are_right() -> None:
    scores, same = gaussian(trials=60_000, seed=4, apart=2.0)
    found = Calibration.fit(scores[::2], same[::2])
    given = found.probability(found.llr(scores[1::2]), 1 / 3)
    near = (given > 0.85) & (given < 0.95)
    assert same[1::2][near].mean() == pytest.approx(given[near].mean(), abs=0.02)


def test_quality_lowers_the_cost_where_short_trials_score_low() -> None:
    random = np.random.default_rng(5)
    same = np.arange(6000) % 2 == 0
    seconds = random.uniform(0.5, 8.0, len(same))
    scores = random.normal(size=len(same)) + 2.0 * same + np.log(seconds)
    quality = of_pairs({"speech_s": seconds}, {"speech_s": np.full(len(same), 10.0)})
    blind = Calibration.fit(scores, same)
    seeing = Calibration.fit(scores, same, quality=quality)
    assert seeing.quality["speech_s"] == pytest.approx(-2.0, abs=0.25)
    better = rates.cllr(seeing.llr(scores, quality), same)
    assert better < rates.cllr(blind.llr(scores), same) - 0.02


def test_a_measure_that_never_changes_weighs_nothing() -> None:
    scores, same = gaussian(trials=300, seed=6)
    plain = Calibration.fit(scores, same)
    found = Calibration.fit(scores, same, quality={"norm": np.full(300, 7.0)})
    assert found.quality == {"norm": 0.0}
    assert found.llr(scores, {"norm": np.full(300, 9.0)}) == pytest.approx(plain.llr(scores))


def test_one_score_is_answered_like_many() -> None:
    found = Calibration.fit(*gaussian(trials=90, seed=7), quality={"norm": np.arange(90)})
    one = found.llr(0.4, {"norm": 3.0})
    assert one.shape == ()
    assert float(one) == found.llr([0.4], {"norm": [3.0]})[0]


def test_another_quality_than_it_was_fitted_with_is_refused() -> None:
    found = Calibration.fit(*gaussian(trials=90, seed=8), quality={"norm": np.arange(90)})
    with pytest.raises(ValueError, match=r"fitted with score, norm and is given score;"):
        found.llr([0.1])
    with pytest.raises(ValueError, match="given score, norm, snr_db"):
        found.llr([0.1], {"norm": [1.0], "snr_db": [1.0]})
    with pytest.raises(ValueError, match="norm holds a value that is infinite"):
        found.llr([0.1], {"norm": [math.inf]})


def test_distances_are_not_taken_for_scores() -> None:
    scores, same = gaussian(trials=300, seed=9)
    with pytest.raises(ManifestError, match=r"not higher for the same speaker .* negated"):
        Calibration.fit(-scores, same)


def test_one_kind_of_trial_cannot_be_calibrated() -> None:
    with pytest.raises(ManifestError, match="no pair of the different speakers"):
        Calibration.fit([0.1, 0.4], [1, 1])
    with pytest.raises(ValueError, match="infinite or no number"):
        Calibration.fit([0.1, math.inf], [0, 1])


def test_it_survives_json() -> None:
    scores, same = gaussian(trials=90, seed=10)
    made = Calibration.fit(scores, same, quality={"norm": np.arange(90)}, trials="ab12", prior=0.05)
    assert Calibration.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("slope", -1.0, "slope: -1.0 is not above 0"),
        ("slope", "2", "slope: '2' is str"),
        ("prior", 1.0, "prior: 1.0 is not between"),
        ("quality", {"norm": True}, "quality.norm: True is bool"),
        ("offset", math.nan, "offset: nan is not finite"),
        ("same", 0, "same: 0 is too small"),
        ("gain", 1.0, "gain: this format has no such key"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(key: str, value: Any, message: str) -> None:
    tree = Calibration.fit(*gaussian(trials=30, seed=11)).to_dict() | {key: value}
    with pytest.raises(BundleError, match=message):
        Calibration.from_dict(tree)


def test_a_missing_key_is_named() -> None:
    tree = Calibration.fit(*gaussian(trials=30, seed=12)).to_dict()
    del tree["offset"]
    with pytest.raises(BundleError, match=r"calibration\.offset: missing"):
        Calibration.from_dict(tree)
