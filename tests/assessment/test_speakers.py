"""`sonant evaluate` for a bundle of speakers: a page, the trials beside it, another way of scoring."""

from __future__ import annotations

from pathlib import Path

import pytest

import voice_clips
from sonant.assessment import SPEAKERS, speakers, task_of
from sonant.assessment.speakers import Scoring
from sonant.assessment.trials import Asked
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken")


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voices(tmp_path_factory.mktemp("voices")).parent


def test_the_page_stands_by_itself_and_its_trials_repeat_it(
    voices: Path, clips: Manifest, tmp_path: Path
) -> None:
    asked = Asked(data=clips.root, split="all", per_speaker=8)
    file = tmp_path / "pages" / "report.html"
    found = speakers.assess(voices, asked, rounds=5, write_to=file)
    assert task_of(voices) == SPEAKERS
    text = file.read_text()
    for part in ("EER", "minDCF, prior 0.01", "Error tradeoff", "By speech", "Uncalibrated",
                 "Clips left out", found.digest, "report.trials.csv"):  # fmt: skip
        assert part in text
    assert "http" not in text.replace("http-equiv", "")
    trials = file.with_name("report.trials.csv")
    again = speakers.assess(
        voices, Asked(data=clips.root, table=trials), rounds=5, save_trials=tmp_path / "t.csv"
    )
    assert again.figures == found.figures
    assert (tmp_path / "t.csv").read_bytes() == trials.read_bytes()


def test_a_cohort_is_of_speakers_no_trial_is_about(voices: Path, clips: Manifest) -> None:
    trials = speakers.asking.find(
        Asked(data=clips, split="all"), card=speakers.SpeakerModel.load(voices).card
    ).trials
    about = trials.where({t.left_speaker, t.right_speaker} <= {"s0000", "s0001"} for t in trials)
    found = speakers.cohort(clips, about)
    assert {item.speaker for item in found} == {"s0002", "s0003", "s0004", "s0005"}
    with pytest.raises(ManifestError, match="the cohort has 0 speakers that no trial is about"):
        speakers.assess(
            voices, Asked(data=clips, split="all"), scoring=Scoring(kind="as-norm"), rounds=5
        )


def test_another_scoring_takes_its_cohort_from_elsewhere(
    voices: Path, clips: Manifest, tmp_path: Path
) -> None:
    others = voice_clips.write_clips(tmp_path / "others", speakers=14)
    renamed = others.with_items(
        type(item)(path=item.path, label=item.label, speaker=f"other-{item.speaker}")
        for item in others
    )
    file = renamed.save(tmp_path / "others.csv")
    asked = Asked(data=clips, split="all", per_speaker=6)
    by_cosine = speakers.assess(voices, asked, rounds=5)
    normed = speakers.assess(
        voices, asked, scoring=Scoring(kind="as-norm", cohort=file, top=5), rounds=5
    )
    assert (by_cosine.scoring, normed.scoring) == ("cosine", "as-norm")
    assert normed.digest == by_cosine.digest
    assert (normed.scores != by_cosine.scores).any()
