"""Detectors before a verdict: what they hear, from when on they object, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_voices import OBJECTS, PASSES, write_detector
from serving.voiced import write_calibrated
from sonant.card import Card
from sonant.countermeasures.guards import KINDS, AlarmPoint, Finding, Guard, Guards, Kind
from sonant.errors import BundleError
from sonant.spoofing.detector import Detector
from spoof_bundle import noise, score_of
from voice_bundle import write_voices

SHARES = st.floats(0.001, 0.999)


def finding(
    llr: float, *, kind: Kind = "spoof", calibrated: bool = True, **point: float
) -> Finding:
    return Finding(
        kind=kind, bundle="loud/1", llr=llr, calibrated=calibrated, point=AlarmPoint(**point)
    )


@given(prior=SHARES, threshold=SHARES, llr=st.floats(-20.0, 20.0))
def test_a_detector_objects_where_its_probability_reaches_the_threshold(
    prior: float, threshold: float, llr: float
) -> None:
    found = finding(llr, prior=prior, threshold=threshold)
    wanted = prior / (prior + (1 - prior) * math.exp(llr))
    assert found.probability == pytest.approx(wanted, rel=1e-6)
    if abs(llr - found.point.llr) > 1e-6:
        assert found.objects == (found.probability >= threshold)


def test_the_threshold_follows_from_prior_and_costs_by_bayes() -> None:
    assert AlarmPoint().llr == 0.0
    assert AlarmPoint(prior=0.05).llr == pytest.approx(math.log(0.05 / 0.95))
    # A false alarm that costs nine times as much as a miss: nine parts in ten.
    assert AlarmPoint(threshold=0.9).llr == pytest.approx(-math.log(9))
    assert finding(0.0).objects
    assert not finding(1e-9).objects


def test_who_expects_more_forgeries_objects_sooner_and_who_wants_to_be_sure_later() -> None:
    priors = [AlarmPoint(prior=prior).llr for prior in (0.01, 0.5, 0.99)]
    thresholds = [AlarmPoint(threshold=threshold).llr for threshold in (0.01, 0.5, 0.99)]
    assert priors == sorted(priors)
    assert thresholds == sorted(thresholds, reverse=True)


@pytest.mark.parametrize(
    "wrong", [{"prior": 0.0}, {"prior": 1.0}, {"threshold": 0.0}, {"threshold": 1.0}]
)
def test_a_point_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        AlarmPoint(**wrong)


def test_the_reason_says_which_detector_what_it_heard_and_by_how_much() -> None:
    point = "the threshold at prior 0.5 and probability 0.5"
    assert finding(-1.5).reason() == (
        f"the spoof detector loud/1 hears a forgery: its LLR -1.50 is at most 0.00, {point}"
    )
    assert finding(2.0, kind="adversarial").reason() == (
        f"the adversarial detector loud/1 hears no attack: its LLR 2.00 is above 0.00, {point}"
    )
    assert "hears an attack" in finding(-2.0, kind="adversarial").reason()
    assert "it is uncalibrated, so it accuses nobody" in finding(1.0, calibrated=False).reason()
    assert finding(1.0).reason(counted=False).endswith("as the clip is not fit to be judged")


@pytest.mark.parametrize("spoof", [False, True])
@pytest.mark.parametrize("adversarial", [False, True])
def test_those_detectors_are_asked_that_there_are(
    tmp_path: Path, spoof: bool, adversarial: bool
) -> None:
    bundle = write_detector(tmp_path)
    guards = Guards.load(
        spoof=bundle if spoof else None, adversarial=bundle if adversarial else None
    )
    there = dict(zip(KINDS, (spoof, adversarial), strict=True))
    wanted = [kind for kind in KINDS if there[kind]]
    assert [guard.kind for guard in guards.all] == wanted
    assert [one.kind for one in guards.hear(noise(0.3, 1.0))] == wanted


def test_more_evidence_of_bona_fide_speech_raises_the_llr_and_lowers_the_probability(
    tmp_path: Path,
) -> None:
    guard = Guard(kind="spoof", detector=Detector.load(write_detector(tmp_path)))
    found = [guard.hear(noise(level, 1.0)) for level in (0.05, 0.15, 0.25, 0.35)]
    llrs, shares = [one.llr for one in found], [one.probability for one in found]
    assert llrs == sorted(llrs)
    assert shares == sorted(shares, reverse=True)
    assert [one.objects for one in found] == [True, True, False, False]
    assert llrs[0] == pytest.approx(score_of(noise(0.05, 1.0)), abs=1e-2)


def test_a_calibration_moves_the_llr_and_each_detector_has_its_own(tmp_path: Path) -> None:
    guards = Guards.load(
        spoof=write_detector(tmp_path / "a", offset=PASSES),
        adversarial=write_detector(tmp_path / "b", offset=OBJECTS),
        points={"adversarial": AlarmPoint(prior=0.1, threshold=0.3)},
    )
    spoof, adversarial = guards.hear(noise(0.3, 1.0))
    assert adversarial.llr == pytest.approx(spoof.llr + OBJECTS - PASSES)
    assert (spoof.point, adversarial.point) == (
        AlarmPoint(),
        AlarmPoint(prior=0.1, threshold=0.3),
    )
    assert guards.uncalibrated is None


def test_an_uncalibrated_detector_is_known_as_one(tmp_path: Path) -> None:
    bundle = write_detector(tmp_path, offset=None)
    guards = Guards.load(spoof=bundle)
    assert guards.uncalibrated == bundle
    assert not guards.hear(noise(0.3, 1.0))[0].calibrated
    assert Guards().uncalibrated is None


def test_bundles_that_are_no_detectors_are_refused_by_name(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    for kind in ("spoof", "adversarial"):
        with pytest.raises(BundleError, match="is a bundle of keywords"):
            Guards.load(**{kind: tiny_bundle})
    with pytest.raises(BundleError, match="is a bundle of speakers"):
        Guards.load(spoof=write_voices(tmp_path))


def test_a_bundle_whose_classes_are_swapped_is_refused(tmp_path: Path) -> None:
    turned = write_detector(tmp_path / "turned", labels=["spoof", "bonafide"])
    with pytest.raises(BundleError, match="with the labels spoof, bonafide"):
        Guards.load(adversarial=turned)


def test_a_calibration_that_turns_scores_round_is_refused(tmp_path: Path) -> None:
    bundle = write_detector(tmp_path)
    kept = Card.read(bundle).operating_point
    assert kept is not None
    kept["spoofing"]["calibration"]["slope"] = -1.0
    with pytest.raises(BundleError, match=r"slope: -1\.0 is not above 0"):
        Guards.load(spoof=write_detector(tmp_path / "turned", offset=None, operating_point=kept))


def test_a_detector_of_another_rate_is_refused_with_both_rates(tmp_path: Path) -> None:
    half = {"rate_hz": 8000, "samples": 8000, "pad": "end", "crop": "start"}
    guards = Guards.load(adversarial=write_detector(tmp_path / "half", audio=half))
    card = Card.read(write_calibrated(tmp_path))
    with pytest.raises(BundleError, match=r"the adversarial detector hears 8000 Hz, .* 16000 Hz"):
        guards.fit(card)
    Guards.load(spoof=write_detector(tmp_path)).fit(card)
