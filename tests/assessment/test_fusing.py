"""`sonant speaker fuse`: weights by trials, by hand or alike, and one bundle in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

import voice_clips
from other_voice import write_other
from sonant.assessment.fusing import fuse
from sonant.assessment.trials import Asked
from sonant.card import Card
from sonant.errors import ManifestError, RecipeError
from sonant.manifest import Manifest
from sonant.speakers import fusing
from sonant.speakers.model import SpeakerModel
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("parts")
    return [write_voices(root), write_other(root)]


def test_weights_by_hand_are_brought_to_one_and_compared(
    bundles: list[Path], clips: Manifest, tmp_path: Path
) -> None:
    asked = Asked(data=clips, split="all", per_speaker=12)
    page = tmp_path / "fusion.html"
    made = fuse(bundles, asked, weights="3,1", out=tmp_path, rounds=5, write_to=page)
    assert made.bundle == tmp_path / "voices+others" / "1"
    assert made.weights == {"voices/1": 0.75, "others/1": 0.25}
    assert made.comparison is not None
    assert fusing.GIVEN in {row.name for row in made.comparison.rows}
    assert made.left_out
    assert {"trials_eer", "trials_cllr"} < set(Card.read(made.bundle).metrics)
    text = page.read_text()
    for row in made.comparison.rows:
        assert row.name in text
    assert (tmp_path / "fusion.trials.csv.sha256").is_file()
    # And the whole is a speaker model as any other.
    file = voice_clips.of(clips, 0)
    verdict = SpeakerModel.load(made.bundle).verify_files(file, file)
    assert verdict.cosine == pytest.approx(1.0, abs=1e-5)
    assert verdict.decision == "undecided"


def test_learned_weights_are_those_of_all_trials(
    bundles: list[Path], clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(data=clips, split="all", per_speaker=12)
    with pytest.raises(ManifestError, match="others/1 adds nothing to the rest"):
        fuse(bundles, asked, out=tmp_path, rounds=5)
    weights = {"voices/1": 0.6, "others/1": 0.4}
    monkeypatch.setattr(fusing, "learned", lambda table: weights)
    made = fuse(bundles, asked, out=tmp_path, name="both", rounds=5)
    assert made.weights == weights
    said = Card.read(made.bundle).recipe["fusion"]
    assert said["weights"] == "learned"
    assert len(said["trials"]) == 64
    assert [part["weight"] for part in said["parts"]] == list(made.weights.values())
    assert all(part["norm"] > 0 for part in said["parts"])


@pytest.mark.parametrize("weights", ["half", "1", "0,1", "1,-1", "1,2,3", "inf,1", "nan,1"])
def test_weights_that_are_none_are_refused(
    bundles: list[Path], weights: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="want learned, equal, or 2 numbers above 0"):
        fuse(bundles, None, weights=weights, out=tmp_path)


def test_nothing_is_learned_from_nothing(bundles: list[Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="takes trials to learn them on"):
        fuse(bundles, None, out=tmp_path)
