"""Error rates agree with counting by hand and by brute force, and hold what must hold for any scores."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sonant.errors import ManifestError
from sonant.verification import rates
from sonant.verification.pav import optimal_llrs

Trials = tuple[list[float], list[bool]]


@st.composite
def trials(draw: st.DrawFn, *, levels: int = 12) -> Trials:
    """Scores with many ties, of up to 30 trials, both kinds among them."""
    pairs = draw(
        st.lists(st.tuples(st.integers(-levels, levels), st.booleans()), min_size=2, max_size=30)
    )
    same = [truth for _, truth in pairs]
    assume(any(same) and not all(same))
    return [float(score) for score, _ in pairs], same


def counted(scores: list[float], same: list[bool], threshold: float) -> tuple[float, float]:
    """Misses and false alarms, counted one by one."""
    right = [score for score, truth in zip(scores, same, strict=True) if truth]
    wrong = [score for score, truth in zip(scores, same, strict=True) if not truth]
    misses = sum(score < threshold for score in right) / len(right)
    return misses, sum(score >= threshold for score in wrong) / len(wrong)


def brute_points(scores: list[float], same: list[bool]) -> list[tuple[float, float]]:
    return [counted(scores, same, t) for t in [*sorted(set(scores)), math.inf]]


def brute_eer(scores: list[float], same: list[bool]) -> float:
    """Where the line through the points meets misses = alarms."""
    for (m0, a0), (m1, a1) in pairwise(brute_points(scores, same)):
        if m0 < a0 and m1 >= a1:
            share = (a0 - m0) / ((a0 - m0) + (m1 - a1))
            return m0 + share * (m1 - m0)
    raise AssertionError("the line from (0, 1) to (1, 0) meets the diagonal")


ALL = (rates.eer, rates.min_dcf, rates.min_cllr)
OVERLAP = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [False, False, True, False, True, True])


def test_by_hand_one_of_three_is_missed_and_one_of_three_is_a_false_alarm() -> None:
    assert rates.eer(*OVERLAP) == pytest.approx(1 / 3)
    # At 5 and above one of three is missed and none is a false alarm.
    assert rates.min_dcf(*OVERLAP, prior=0.5) == pytest.approx(1 / 3)
    assert rates.min_dcf(*OVERLAP, prior=0.01) == pytest.approx(1 / 3)


def test_the_points_run_from_all_accepted_to_none() -> None:
    curve = rates.det([0.2, 0.7, 0.7, 0.9], [0, 0, 1, 1])
    assert curve.thresholds.tolist() == [0.2, 0.7, 0.9, math.inf]
    assert curve.misses.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert curve.alarms.tolist() == [1.0, 0.5, 0.0, 0.0]


@given(trials())
def test_points_and_eer_are_those_of_counting(given: Trials) -> None:
    curve = rates.det(*given)
    points = zip(curve.misses, curve.alarms, strict=True)
    assert np.allclose(list(points), brute_points(*given))
    assert rates.eer(*given) == pytest.approx(brute_eer(*given))


@given(trials(), st.sampled_from([0.01, 0.05, 0.5, 0.9]), st.sampled_from([1.0, 10.0]))
def test_the_least_cost_is_that_of_trying_every_threshold(
    given: Trials, prior: float, miss_cost: float
) -> None:
    miss, alarm = prior * miss_cost, 1 - prior
    tried = [(miss * m + alarm * a) / min(miss, alarm) for m, a in brute_points(*given)]
    found = rates.min_dcf(*given, prior=prior, miss_cost=miss_cost)
    assert found == pytest.approx(min(tried))
    assert found <= 1.0 + 1e-12


@pytest.mark.parametrize("rate", ALL)
def test_a_perfect_system_has_no_errors(rate: rates.eer) -> None:
    assert rate([-1.0, 0.0, 0.1, 2.0], [0, 0, 1, 1]) == 0.0


@pytest.mark.parametrize(("rate", "useless"), [*zip(ALL, (0.5, 1.0, 1.0), strict=True)])
def test_a_system_that_always_answers_alike_is_useless(rate: rates.eer, useless: float) -> None:
    assert rate([0.3] * 5, [0, 1, 1, 0, 1]) == pytest.approx(useless)


def test_scores_the_wrong_way_round_err_on_everything() -> None:
    assert rates.eer([2.0, 3.0, 0.0, 1.0], [0, 0, 1, 1]) == 1.0
    assert rates.min_cllr([2.0, 3.0, 0.0, 1.0], [0, 0, 1, 1]) == pytest.approx(1.0)


@given(trials())
def test_ties_lie_between_their_best_and_their_worst_order(given: Trials) -> None:
    scores, same = (np.array(part) for part in given)
    best, worst = (rates.eer(scores + shift * same, same) for shift in (0.5, -0.5))
    assert best <= rates.eer(scores, same) + 1e-12 <= worst + 2e-12


@given(trials(), st.sampled_from([np.exp, np.arctan, np.cbrt, lambda x: 3 * x - 7]))
def test_a_rising_map_changes_no_rate_of_scores(given: Trials, rise: np.ufunc) -> None:
    scores, same = given
    for rate in ALL:
        assert rate(rise(np.array(scores)), same) == rate(scores, same)


@given(trials())
def test_turning_scores_and_truth_about_changes_no_rate_but_the_cost(given: Trials) -> None:
    scores, same = given
    turned = [-score for score in scores], [not truth for truth in same]
    assert rates.eer(*turned) == pytest.approx(rates.eer(*given))
    assert rates.min_cllr(*turned) == pytest.approx(rates.min_cllr(*given))
    assert rates.cllr(*turned) == pytest.approx(rates.cllr(*given))


@given(trials(), st.integers(0, 10_000))
def test_a_weight_of_two_is_the_trial_twice_and_of_none_is_no_trial(
    given: Trials, seed: int
) -> None:
    scores, same = given
    weights = np.random.default_rng(seed).integers(0, 3, len(scores))
    truth = np.array(same)
    assume(weights[truth].any() and weights[~truth].any())
    for rate in (*ALL, rates.cllr, rates.act_dcf):
        twice = rate(np.repeat(scores, weights), np.repeat(same, weights))
        assert rate(scores, same, weights=weights) == pytest.approx(twice, abs=1e-12)


def test_llrs_of_nothing_cost_one_bit() -> None:
    assert rates.cllr([0.0, 0.0, 0.0], [0, 1, 1]) == pytest.approx(1.0)


def test_the_cost_of_llrs_by_hand() -> None:
    # -log2 of the probability given to the truth at equal priors: 3/4 and 4/5.
    llrs = [math.log(3), -math.log(4)]
    expected = (-math.log2(3 / 4) - math.log2(4 / 5)) / 2
    assert rates.cllr(llrs, [1, 0]) == pytest.approx(expected)


def test_one_infinitely_wrong_answer_costs_infinitely_much() -> None:
    assert rates.cllr([math.inf, 1.0], [0, 1]) == math.inf
    assert rates.cllr([math.inf, -math.inf], [1, 0]) == 0.0


@given(trials(levels=5))
def test_no_llrs_cost_less_than_the_best_calibration(given: Trials) -> None:
    scores, same = given
    least = rates.min_cllr(scores, same)
    assert 0.0 <= least <= min(1.0, rates.cllr(scores, same)) + 1e-12
    assert rates.cllr(optimal_llrs(scores, same), same) == pytest.approx(least, abs=1e-12)


@given(trials(), st.sampled_from([0.01, 0.05, 0.5]))
def test_the_actual_cost_is_never_under_the_least(given: Trials, prior: float) -> None:
    assert rates.act_dcf(*given, prior=prior) >= rates.min_dcf(*given, prior=prior) - 1e-12
    best = optimal_llrs(*given)
    assert rates.act_dcf(best, given[1], prior=prior) == pytest.approx(
        rates.min_dcf(*given, prior=prior)
    )


def test_an_llr_at_the_threshold_is_accepted() -> None:
    assert rates.act_dcf([0.0, -0.1], [1, 0], prior=0.5) == 0.0
    assert rates.det([0.0, -0.1], [1, 0]).misses[1] == 0.0


def test_the_threshold_of_theory_weighs_priors_and_costs() -> None:
    assert rates.bayes_threshold(0.5) == 0.0
    assert rates.bayes_threshold(0.01) == pytest.approx(math.log(99))
    assert rates.bayes_threshold(0.01, miss_cost=10) == pytest.approx(math.log(9.9))


@settings(max_examples=10)
@given(st.integers(0, 2**31))
def test_gaussian_scores_have_the_rate_of_theory(seed: int) -> None:
    random = np.random.default_rng(seed)
    same = np.arange(20_000) % 2 == 0
    # Means 2 apart, deviation 1: both errors are Phi(-1) at the middle.
    scores = random.normal(size=len(same)) + 2.0 * same
    assert rates.eer(scores, same) == pytest.approx(0.158655, abs=0.012)


@pytest.mark.parametrize("rate", [*ALL, rates.cllr, rates.act_dcf, rates.det])
@pytest.mark.parametrize(
    ("same", "missing"), [([1, 1], "different speakers"), ([0, 0], "same speaker")]
)
def test_trials_of_one_kind_are_refused_by_what_is_missing(
    rate: rates.eer, same: list[int], missing: str
) -> None:
    with pytest.raises(ManifestError, match=f"no pair of the {missing}.*add clips"):
        rate([0.1, 0.2], same)


@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        ([math.nan, 1.0], [0, 1], "1 of 2 are not numbers"),
        ([0.0, 1.0], [0, 1, 1], r"\(2,\) scores beside \(3,\)"),
        ([0.0, 1.0], [0, 2], "more than 0 and 1"),
        ([[0.0, 1.0]], [[0, 1]], "want one number a trial"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    scores: list[float], same: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rates.eer(scores, same)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, math.inf]])
def test_weights_are_numbers_of_trials(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights have to be"):
        rates.eer([0.0, 1.0], [0, 1], weights=weights)


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0])
def test_a_prior_that_leaves_no_question_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="prior is"):
        rates.min_dcf(*OVERLAP, prior=prior)
    with pytest.raises(ValueError, match="costs are"):
        rates.min_dcf(*OVERLAP, miss_cost=0.0)
