"""What is said about two voices, and about one among many."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sonant.speakers.embedding import Embedding
from sonant.speakers.gates import Gate, Quality
from sonant.speakers.records import Candidate
from sonant.speakers.verdict import Heard, OperatingPoint, identify, verify
from sonant.verification.calibration import Calibration

POINT = OperatingPoint(prior=0.5)
CALIBRATION = Calibration(slope=20.0, offset=-10.0, prior=0.5, same=100, different=100)


def heard(cosine: float = 1.0, *, speech_s: float = 3.0, norm: float | None = 7.0) -> Heard:
    """A clip whose cosine with `heard()` is `cosine`."""
    vector = np.array([cosine, math.sqrt(1 - cosine**2)], np.float32)
    quality = Quality(speech_s=speech_s, snr_db=20.0 - speech_s)
    return Heard(embedding=Embedding(vector=vector, norm=norm), quality=quality)


def test_the_answer_carries_all_that_it_rests_on() -> None:
    verdict = verify(heard(), heard(0.8, speech_s=2.0), point=POINT, calibration=CALIBRATION)
    assert verdict.decision == "same"
    assert verdict.cosine == pytest.approx(0.8)
    assert verdict.llr == pytest.approx(6.0, abs=1e-5)
    assert verdict.probability == pytest.approx(1 / (1 + math.exp(-6.0)), abs=1e-6)
    assert (verdict.speech_s, verdict.snr_db) == (2.0, 17.0)
    assert verdict.reason == "LLR 6.00 is at least 0.00, the threshold at prior 0.5"
    assert verdict.operating_point is POINT


def test_two_voices_are_two() -> None:
    verdict = verify(heard(), heard(0.1), point=POINT, calibration=CALIBRATION)
    assert verdict.decision == "different"
    assert "is below" in verdict.reason


def test_nothing_is_decided_without_a_calibration() -> None:
    verdict = verify(heard(), heard(0.99), point=POINT)
    assert verdict.decision == "undecided"
    assert verdict.reason.startswith("uncalibrated")
    assert verdict.llr is verdict.probability is None
    assert verdict.cosine == pytest.approx(0.99)


@pytest.mark.parametrize("calibration", [None, CALIBRATION])
def test_nothing_is_decided_without_enough_speech(calibration: Calibration | None) -> None:
    short = heard(0.99, speech_s=0.1)
    verdict = verify(heard(), short, point=POINT, calibration=calibration)
    assert verdict.decision == "undecided"
    assert verdict.reason == "second: not enough speech: 0.10 s, want 0.15 s"
    assert verify(short, heard(), point=POINT).reason.startswith("first: not enough speech")
    lenient = verify(heard(), short, point=POINT, calibration=calibration, gate=Gate(speech_s=0.05))
    assert "speech" not in lenient.reason


def test_expectation_and_costs_move_the_threshold_and_no_score() -> None:
    alike = {"calibration": CALIBRATION}
    for point, wanted in (
        (OperatingPoint(prior=0.5), "same"),
        (OperatingPoint(prior=0.01), "different"),
        (OperatingPoint(prior=0.01, cost_miss=100.0), "same"),
        (OperatingPoint(prior=0.5, cost_false_accept=100.0), "different"),
    ):
        verdict = verify(heard(), heard(0.65), point=point, **alike)
        assert verdict.decision == wanted
        assert verdict.llr == pytest.approx(3.0, abs=1e-5)
        assert (verdict.probability >= point.probability) == (wanted == "same")


@pytest.mark.parametrize("wrong", [{"prior": 0.0}, {"prior": 1.0}, {"prior": 0.5, "cost_miss": 0}])
def test_an_operating_point_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="prior between 0 and 1"):
        OperatingPoint(**wrong)


def test_a_calibration_takes_the_measures_it_was_fitted_with() -> None:
    with_speech = Calibration(
        slope=20.0, offset=-10.0, quality={"speech_s": 2.0}, prior=0.5, same=9, different=9
    )
    verdict = verify(heard(), heard(0.8, speech_s=2.0), point=POINT, calibration=with_speech)
    assert verdict.llr == pytest.approx(6.0 + 2.0 * math.log(2.0), abs=1e-5)
    with_norm = Calibration(
        slope=20.0, offset=-10.0, quality={"norm": 1.0}, prior=0.5, same=9, different=9
    )
    with pytest.raises(ValueError, match="norm"):
        verify(heard(norm=None), heard(norm=None), point=POINT, calibration=with_norm)


def candidates(*cosines: float) -> list[Candidate]:
    return [Candidate(name=f"n{place}", cosine=cosine) for place, cosine in enumerate(cosines)]


def test_somebody_known_is_named() -> None:
    told = identify(heard(), candidates(0.9, 0.2), enrolled=2, point=POINT, calibration=CALIBRATION)
    assert (told.decision, told.name) == ("known", "n0")
    odds = np.exp(20 * np.array([0.9, 0.2]) - 10) * 0.25
    assert told.candidates[0].probability == pytest.approx(odds[0] / (odds.sum() + 0.5), rel=1e-6)
    assert told.candidates[1].probability == pytest.approx(odds[1] / (odds.sum() + 0.5), rel=1e-6)


def test_nobody_known_is_an_answer() -> None:
    told = identify(heard(), candidates(0.3, 0.2), enrolled=2, point=POINT, calibration=CALIBRATION)
    assert (told.decision, told.name) == ("nobody known", None)
    empty = identify(heard(), [], enrolled=0, point=POINT, calibration=CALIBRATION)
    assert (empty.decision, empty.name) == ("nobody known", None)
    assert empty.reason == "nobody is enrolled"


def test_two_who_are_equally_likely_are_neither() -> None:
    told = identify(heard(), candidates(0.9, 0.9), enrolled=2, point=POINT, calibration=CALIBRATION)
    assert told.candidates[0].probability == pytest.approx(0.5, abs=1e-2)
    strict = OperatingPoint(prior=0.5, cost_false_accept=3.0)
    both = identify(
        heard(), candidates(0.9, 0.9), enrolled=2, point=strict, calibration=CALIBRATION
    )
    assert both.decision == "nobody known"


def test_the_same_score_means_less_among_more() -> None:
    shares = [
        identify(
            heard(), candidates(0.8, 0.3), enrolled=many, point=POINT, calibration=CALIBRATION
        ).candidates[0].probability
        for many in (2, 100, 10_000)
    ]  # fmt: skip
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.99
    assert shares[2] < 0.1


def test_who_is_not_among_the_candidates_never_makes_another_likelier() -> None:
    cosines = (0.7, 0.6, 0.55, 0.5, 0.4)
    whole = identify(
        heard(), candidates(*cosines), enrolled=5, point=POINT, calibration=CALIBRATION
    )
    for kept in range(1, 5):
        part = identify(
            heard(), candidates(*cosines[:kept]), enrolled=5, point=POINT, calibration=CALIBRATION
        )
        assert part.candidates[0].probability <= whole.candidates[0].probability + 0.2
        if kept > 3:
            assert part.candidates[0].probability <= whole.candidates[0].probability


def test_identifying_decides_nothing_uncalibrated_or_unheard() -> None:
    told = identify(heard(), candidates(0.9), enrolled=1, point=POINT)
    assert (told.decision, told.name) == ("undecided", None)
    assert told.reason.startswith("uncalibrated")
    short = identify(
        heard(speech_s=0.0), candidates(0.9), enrolled=1, point=POINT, calibration=CALIBRATION
    )
    assert (short.decision, short.name) == ("undecided", None)
    assert short.reason.startswith("not enough speech")
