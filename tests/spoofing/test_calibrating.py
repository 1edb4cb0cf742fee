"""What a detector's scores mean, stored in the bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sonant.card import Card, find
from sonant.errors import BundleError, ManifestError
from sonant.manifest import Manifest
from sonant.spoofing import calibrating, scoring
from sonant.spoofing.detector import Detector
from spoof_bundle import noise, write_spoof_bundle


def test_the_next_version_answers_with_likelihood_ratios_and_the_old_one_as_before(
    detector: Detector, loud_clips: Manifest
) -> None:
    found = calibrating.calibrate(detector, loud_clips)
    path = calibrating.keep(detector.card, found, chosen_on="loud and soft, test")
    after = Detector.load(path)
    assert path == find(detector.card.path.parent) != detector.card.path
    clip = noise(0.24, 1.0)
    raw, said = detector.detect(clip), after.detect(clip)
    assert said.calibrated
    assert not raw.calibrated
    assert said.llr_bonafide == pytest.approx(found.slope * raw.llr_bonafide + found.offset)
    assert Detector.load(detector.card.path).detect(clip) == raw


def test_calibrated_scores_cost_less_and_order_clips_as_before(
    detector: Detector, loud_clips: Manifest
) -> None:
    found = calibrating.calibrate(detector, loud_clips)
    path = calibrating.keep(detector.card, found, chosen_on="test")
    before = scoring.score(detector, loud_clips, rounds=20)
    after = scoring.score(Detector.load(path), loud_clips, rounds=20)
    assert after.whole.rates["eer"].value == before.whole.rates["eer"].value
    assert set(after.whole.rates) == {"eer", "min_dcf", "act_dcf", "cllr"}
    assert after.whole.rates["cllr"].value < 1.0


def test_a_detector_that_scores_forgeries_higher_is_not_calibrated(
    detector: Detector, loud_clips: Manifest
) -> None:
    other = {"bonafide": "spoof", "spoof": "bonafide"}
    turned = loud_clips.with_items(replace(item, label=other[item.label]) for item in loud_clips)
    with pytest.raises(ManifestError, match="scores forgeries no lower"):
        calibrating.calibrate(detector, turned)


def test_one_kind_alone_gives_no_meaning(detector: Detector, loud_clips: Manifest) -> None:
    with pytest.raises(ManifestError, match="no clip is spoof"):
        calibrating.calibrate(detector, loud_clips.where(labels=("bonafide",)))


def test_a_calibration_that_is_none_is_refused_by_its_key(tmp_path: Path) -> None:
    point = {"spoofing": {"calibration": {"slope": 1.0}, "chosen_on": ""}}
    bundle = write_spoof_bundle(tmp_path, operating_point=point)
    with pytest.raises(BundleError, match=r"operating_point\.spoofing\.calibration"):
        Detector(Card.read(bundle))
