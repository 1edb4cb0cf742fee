"""Costs and rates of detector and verifier together: by hand, by brute force, and what must hold of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.errors import ManifestError
from sonant.verification import rates, tandem
from sonant.verification.tandem import A_DCF, T_DCF, Priors, Verifier

Scores = list[float]
SCORES = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=8)
PAIRS = st.lists(
    st.tuples(st.integers(-4, 4).map(float), st.integers(-4, 4).map(float)), min_size=1, max_size=6
)
TARGETS, OTHERS, SPOOFS = [1.0, 3.0, 4.0, 5.0], [0.0, 2.0], [2.5, 3.5]


def misses(scores: Scores, threshold: float) -> float:
    return sum(score < threshold for score in scores) / len(scores)


def accepted(scores: Scores, threshold: float) -> float:
    return sum(score >= threshold for score in scores) / len(scores)


def thresholds(*kinds: Scores) -> list[float]:
    return [*sorted({score for kind in kinds for score in kind}), math.inf]


def test_the_a_dcf_by_hand() -> None:
    # At 4: half of the targets are missed and nobody gets in, 0.9 * 0.5 = 0.45. At 3: a quarter is missed
    # and one spoof of two gets in, 0.225 + 20 * 0.05 * 0.5 = 0.725. Refusing all costs 0.9, accepting 1.5.
    assert tandem.a_dcf(TARGETS, OTHERS, SPOOFS) == pytest.approx(0.45 / 0.9)


def test_the_constants_are_those_of_asvspoof() -> None:
    assert (A_DCF.target, A_DCF.other, A_DCF.spoof) == (0.9, 0.05, 0.05)
    assert (A_DCF.miss_cost, A_DCF.other_cost, A_DCF.spoof_cost) == (1, 10, 20)
    assert (T_DCF.target, T_DCF.other, T_DCF.spoof) == (0.9405, 0.0095, 0.05)
    assert (T_DCF.miss_cost, T_DCF.other_cost, T_DCF.spoof_cost) == (1, 10, 10)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, SCORES)
def test_the_a_dcf_is_the_least_cost_of_all_thresholds(
    targets: Scores, others: Scores, spoofs: Scores
) -> None:
    costs = [
        0.9 * misses(targets, t) + 0.5 * accepted(others, t) + 1.0 * accepted(spoofs, t)
        for t in thresholds(targets, others, spoofs)
    ]
    found = tandem.a_dcf(targets, others, spoofs)
    assert found == pytest.approx(min(costs) / 0.9)
    assert 0 <= found <= 1


def test_the_detector_s_own_costs_by_hand() -> None:
    """Two of four bona fide clips lie over all spoofs; the other two under one of two."""
    scores, bonafide = [2.0, 1.5, -0.5, -1.0, 0.0, -2.0], [True] * 4 + [False] * 2
    # Over 0: half are missed, 0.95 * 0.5 / 0.5 = 0.95. Over -1 and below: one spoof in, 0.5 * 0.5 / 0.5.
    assert tandem.cm_min_dcf(scores, bonafide) == pytest.approx(0.5)
    # At -ln 1.9 = -0.642 one bona fide clip is missed and one spoof gets in.
    assert tandem.cm_act_dcf(scores, bonafide) == pytest.approx((0.95 * 0.25 + 0.5 * 0.5) / 0.5)


def test_the_threshold_of_theory_is_minus_the_logarithm_of_beta() -> None:
    at = -math.log(1.0 * 0.95 / (10.0 * 0.05))
    just_over, just_under = at + 1e-9, at - 1e-9
    assert tandem.cm_act_dcf([just_over, -9.0], [True, False]) == 0.0
    assert tandem.cm_act_dcf([just_under, -9.0], [True, False]) == pytest.approx(1.9)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES)
def test_the_detector_s_least_cost_is_that_of_all_thresholds(real: Scores, forged: Scores) -> None:
    costs = [0.95 * misses(real, t) + 0.5 * accepted(forged, t) for t in thresholds(real, forged)]
    truth = [True] * len(real) + [False] * len(forged)
    assert tandem.cm_min_dcf([*real, *forged], truth) == pytest.approx(min(costs) / 0.5)


def test_the_t_dcf_by_hand() -> None:
    verifier = Verifier(misses=0.1, others=0.2, spoofs=0.5)
    base = 0.9405 * 0.1 + 0.0095 * 10 * 0.2
    of_miss, of_alarm = 0.9405 - base, 0.05 * 10 * 0.5
    # The detector misses one bona fide clip of four when it lets no spoof through, and none when it lets one.
    scores, truth = [1.0, 2.0, 3.0, 4.0, 1.5, 0.0], [True] * 4 + [False] * 2
    wanted = base + min(of_miss * 0.25, of_alarm * 0.5)
    found = tandem.t_dcf(scores, truth, verifier=verifier)
    assert found == pytest.approx(wanted / (base + of_alarm))


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, st.floats(0, 0.3), st.floats(0, 1), st.floats(0.01, 1))
def test_the_t_dcf_is_the_least_cost_of_all_thresholds_of_the_detector(
    real: Scores, forged: Scores, missed: float, others: float, spoofs: float
) -> None:
    verifier = Verifier(misses=missed, others=others, spoofs=spoofs)
    base = 0.9405 * missed + 0.095 * others
    truth = [True] * len(real) + [False] * len(forged)
    costs = [
        base + (0.9405 - base) * misses(real, t) + 0.5 * spoofs * accepted(forged, t)
        for t in thresholds(real, forged)
    ]
    found = tandem.t_dcf([*real, *forged], truth, verifier=verifier)
    assert found == pytest.approx(min(costs) / (base + min(0.9405 - base, 0.5 * spoofs)))
    assert found <= 1 + 1e-9


def test_a_detector_before_perfect_systems_costs_nothing_and_a_hopeless_verifier_is_refused() -> (
    None
):
    nobody = Verifier(misses=0.0, others=0.0, spoofs=0.0)
    assert tandem.t_dcf([1.0, 0.0], [True, False], verifier=nobody) == 0.0
    hopeless = Verifier(misses=1.0, others=1.0, spoofs=0.0)
    with pytest.raises(ValueError, match="refusing everybody costs less"):
        tandem.t_dcf([1.0, 0.0], [True, False], verifier=hopeless)


def test_a_verifier_is_taken_where_its_own_errors_are_equal_whatever_spoofs_do() -> None:
    found = Verifier.at_eer([1.0, 2.0, 3.0, 4.0], [0.0, 0.5, 2.5, 0.1], [9.0, 0.2])
    assert found == Verifier(misses=0.25, others=0.25, spoofs=0.5)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, SCORES)
def test_curves_count_errors_at_every_threshold(
    targets: Scores, others: Scores, spoofs: Scores
) -> None:
    found = tandem.curves(targets, others, spoofs)
    for number, threshold in enumerate(found.thresholds):
        verifier = Verifier.at(threshold, targets, others, spoofs)
        assert found.misses[number] == pytest.approx(misses(targets, threshold))
        assert found.others[number] == pytest.approx(accepted(others, threshold))
        assert found.spoofs[number] == pytest.approx(accepted(spoofs, threshold))
        assert verifier.misses == pytest.approx(found.misses[number])
        assert verifier.spoofs == pytest.approx(found.spoofs[number])


def test_sasv_eers_are_rates_against_what_has_to_be_refused() -> None:
    found = tandem.sasv_eers(TARGETS, OTHERS, SPOOFS)
    assert found.sv == pytest.approx(rates.eer([*TARGETS, *OTHERS], [1] * 4 + [0] * 2))
    assert found.spf == pytest.approx(rates.eer([*TARGETS, *SPOOFS], [1] * 4 + [0] * 2))
    both = [*TARGETS, *OTHERS, *SPOOFS]
    assert found.sasv == pytest.approx(rates.eer(both, [1] * 4 + [0] * 4))
    # By hand: over 2 one target of four is missed; of the spoofs 3.5 stands over two targets.
    assert found.sv == pytest.approx(0.25)
    assert found.sasv == pytest.approx(0.25)


def brute_t_eer(targets: list, others: list, spoofs: list) -> float:
    """The least spread of the three rates over all pairs of thresholds."""
    asv = thresholds(*([pair[0] for pair in kind] for kind in (targets, others, spoofs)))
    cm = thresholds(*([pair[1] for pair in kind] for kind in (targets, others, spoofs)))
    real = [pair[1] for pair in (*targets, *others)]
    best = (math.inf, math.inf)
    for a in asv:
        for c in cm:
            through = 1 - misses(real, c)
            three = (
                1 - through * (1 - misses([p[0] for p in targets], a)),
                through * accepted([p[0] for p in others], a),
                accepted([p[1] for p in spoofs], c) * accepted([p[0] for p in spoofs], a),
            )
            best = min(best, (max(three) - min(three), sum(three) / 3))
    return best[0]


@settings(max_examples=60, deadline=None)
@given(PAIRS, PAIRS, PAIRS)
def test_the_t_eer_is_where_all_three_rates_of_the_tandem_are_nearest_to_equal(
    targets: list[tuple[float, float]],
    others: list[tuple[float, float]],
    spoofs: list[tuple[float, float]],
) -> None:
    kinds = {
        name: tuple(np.array(kind).T)
        for name, kind in (("targets", targets), ("others", others), ("spoofs", spoofs))
    }
    found = tandem.t_eer(**kinds)
    real = [pair[1] for pair in (*targets, *others)]
    through = 1 - misses(real, found.detector)
    three = (
        1 - through * (1 - misses([p[0] for p in targets], found.verifier)),
        through * accepted([p[0] for p in others], found.verifier),
        accepted([p[1] for p in spoofs], found.detector)
        * accepted([p[0] for p in spoofs], found.verifier),
    )
    assert found.rate == pytest.approx(sum(three) / 3)
    # Where misses meet others accepted it is as near as brute force over all pairs, up to a step.
    step = 1 / min(len(targets), len(others), len(spoofs), len(real))
    assert max(three) - min(three) <= brute_t_eer(targets, others, spoofs) + step + 1e-9


def test_the_t_eer_of_gaussians_is_where_theory_puts_it() -> None:
    """Independent unit normals: solve both equations on the exact rates, then compare."""
    draw = np.random.default_rng(0)
    count = 20_000
    found = tandem.t_eer(
        targets=(draw.normal(2, 1, count), draw.normal(2, 1, count)),
        others=(draw.normal(0, 1, count), draw.normal(2, 1, count)),
        spoofs=(draw.normal(1.5, 1, count), draw.normal(0, 1, count)),
    )

    def below(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    best = (math.inf, 0.0)
    for a in np.linspace(0, 2.5, 251):
        for c in np.linspace(0, 2.5, 251):
            through = 1 - below(c - 2)
            three = (
                1 - through * (1 - below(a - 2)),
                through * (1 - below(a)),
                (1 - below(c)) * (1 - below(a - 1.5)),
            )
            best = min(best, (max(three) - min(three), sum(three) / 3))
    assert found.rate == pytest.approx(best[1], abs=0.01)


def test_fusion_by_hand_and_its_limits() -> None:
    asv, cm, rho = 2.0, -1.0, 0.3
    wanted = -math.log(0.7 * math.exp(-2.0) + 0.3 * math.exp(1.0))
    assert tandem.fuse(asv, cm, spoof_share=rho) == pytest.approx(wanted)
    assert tandem.fuse(5.0, 1e6, spoof_share=0.5) == pytest.approx(5.0 + math.log(2))
    assert tandem.fuse(1e6, -3.0, spoof_share=0.5) == pytest.approx(-3.0 + math.log(2))


@settings(max_examples=50, deadline=None)
@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.01, 0.99))
def test_the_fused_score_lies_between_both_and_rises_with_each(
    asv: float, cm: float, rho: float
) -> None:
    fused = float(tandem.fuse(asv, cm, spoof_share=rho))
    assert min(asv, cm) - 1e-9 <= fused <= max(asv, cm) + 1e-9
    assert tandem.fuse(asv + 1, cm, spoof_share=rho) >= fused
    assert tandem.fuse(asv, cm + 1, spoof_share=rho) >= fused


def test_what_is_missing_or_no_number_is_refused() -> None:
    with pytest.raises(ManifestError, match="no trials of spoofs"):
        tandem.a_dcf([1.0], [0.0], [])
    with pytest.raises(ValueError, match="others"):
        tandem.sasv_eers([1.0], [math.nan], [0.0])
    with pytest.raises(ValueError, match="sum to 1"):
        Priors(target=0.9, other=0.2, spoof=0.05, spoof_cost=1.0)
    with pytest.raises(ValueError, match="above 0"):
        Priors(target=0.9, other=0.05, spoof=0.05, spoof_cost=0.0)
    with pytest.raises(ValueError, match="spoof_share"):
        tandem.fuse([1.0], [1.0], spoof_share=0.0)
