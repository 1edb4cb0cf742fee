"""Error rates of a detector, over all clips and by condition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.spoofing import conditions, scoring
from sonant.spoofing.detector import Detector
from sonant.spoofing.scoring import SpoofReport
from sonant.verification import rates, tandem


@pytest.fixture
def report(detector: Detector, loud_clips: Manifest) -> SpoofReport:
    known = conditions.read(loud_clips.root, loud_clips)
    return scoring.score(detector, loud_clips, split="test", conditions=known, rounds=50)


def test_rates_are_those_of_the_scores_of_all_clips(
    report: SpoofReport, detector: Detector, loud_clips: Manifest
) -> None:
    scores = [detector.detect(item).llr_bonafide for item in loud_clips]
    truth = [item.label == "bonafide" for item in loud_clips]
    whole = report.whole
    assert (whole.bonafide, whole.spoofs) == (12, 12)
    assert whole.rates["eer"].value == pytest.approx(rates.eer(scores, truth))
    assert whole.rates["min_dcf"].value == pytest.approx(tandem.cm_min_dcf(scores, truth))
    assert whole.rates["eer"].low <= whole.rates["eer"].value <= whole.rates["eer"].high
    assert [clip.score for clip in report.clips] == scores


def test_an_attack_is_held_against_all_bona_fide_clips_and_a_codec_against_its_own(
    report: SpoofReport,
) -> None:
    parts = {(part.column, part.value): part for part in report.parts}
    assert set(parts) == {("attack", "near"), ("attack", "far"), ("codec", "wav"), ("codec", "mp3")}
    near, far = parts["attack", "near"], parts["attack", "far"]
    assert (near.bonafide, near.spoofs, far.spoofs) == (12, 6, 6)
    assert parts["codec", "mp3"].bonafide == 6
    chosen = [clip for clip in report.clips if clip.bonafide or clip.conditions["attack"] == "near"]
    wanted = rates.eer([clip.score for clip in chosen], [clip.bonafide for clip in chosen])
    assert near.rates["eer"].value == pytest.approx(wanted)
    assert near.rates["eer"].value > far.rates["eer"].value


def test_bona_fide_clips_of_a_kind_of_their_own_are_held_against_all_forgeries(
    detector: Detector, loud_clips: Manifest
) -> None:
    known = dict(conditions.read(loud_clips.root, loud_clips))
    copies = [conditions.place_of(item) for item in loud_clips if item.label == "bonafide"][:4]
    known |= {place: {**known.get(place, {}), "attack": "copy-synthesis"} for place in copies}
    report = scoring.score(detector, loud_clips, conditions=known, rounds=20)
    (control,) = (part for part in report.parts if part.value == "copy-synthesis")
    assert (control.bonafide, control.spoofs) == (4, 12)
    chosen = [
        clip
        for clip in report.clips
        if not clip.bonafide or conditions.place_of(clip.item) in copies
    ]
    wanted = rates.eer([clip.score for clip in chosen], [clip.bonafide for clip in chosen])
    assert control.rates["eer"].value == pytest.approx(wanted)


def test_without_a_calibration_there_is_no_rate_of_llrs(report: SpoofReport) -> None:
    assert not report.calibrated
    assert set(report.whole.rates) == {"eer", "min_dcf"}


def test_the_figures_are_plain_tables(report: SpoofReport) -> None:
    found = report.to_json()
    assert found["whole"]["rates"]["eer"]["value"] == report.whole.rates["eer"].value
    assert found["clips"][1]["attack"] == "near"
    assert np.isfinite(found["clips"][0]["score"])


def test_clips_that_cannot_be_read_are_left_out_by_name(
    detector: Detector, loud_clips: Manifest, tmp_path: Path
) -> None:
    gone = Item(path=tmp_path / "gone.wav", label="spoof", speaker="s1")
    report = scoring.score(detector, loud_clips.with_items([*loud_clips, gone]), rounds=20)
    assert len(report.left_out) == 1
    assert "gone.wav" in report.left_out[0]
    assert len(report.clips) == len(loud_clips)


def test_clips_without_a_speaker_are_drawn_one_by_one(
    detector: Detector, loud_clips: Manifest
) -> None:
    nameless = loud_clips.with_items(replace(item, speaker="") for item in loud_clips)
    assert len({clip.speaker for clip in scoring.hear(detector, nameless)[0]}) == 24
    assert scoring.score(detector, nameless, rounds=20).whole.rates["eer"].rounds > 0


def test_one_kind_alone_and_labels_that_say_neither_are_refused(
    detector: Detector, loud_clips: Manifest
) -> None:
    with pytest.raises(ManifestError, match="no clip that can be read is spoof"):
        scoring.score(detector, loud_clips.where(labels=("bonafide",)))
    with pytest.raises(ManifestError, match="says neither bonafide nor spoof"):
        scoring.score(
            detector, loud_clips.with_items(replace(item, label="yes") for item in loud_clips)
        )
