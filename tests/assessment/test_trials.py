"""Which trials are asked about: those of a split as in training, or of a table, and their clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sonant.assessment import trials as asking
from sonant.assessment.trials import Asked
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.events import Event, Note
from sonant.manifest import Manifest
from tone_speakers import tone_speakers
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return Card.read(write_voices(tmp_path_factory.mktemp("voices")))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twenty speakers of three clips each, two of ten on the validation and two on the test side."""
    return tone_speakers(tmp_path_factory.mktemp("tones"), seconds=3.0)


def one_each(manifest: Manifest) -> Manifest:
    return manifest.with_items(item for item in manifest if item.path.stem == "0")


def test_trials_are_of_the_split_alone_and_the_same_every_time(
    card: Card, manifest: Manifest
) -> None:
    found = asking.find(Asked(data=manifest, split="test"), card=card)
    held = {item.speaker for item in manifest.where(split="test")}
    assert set(found.trials.speakers) == held
    assert found.trials == asking.find(Asked(data=manifest, split="test"), card=card).trials
    other = asking.find(Asked(data=manifest, split="test", seed=1), card=card)
    assert found.trials != other.trials
    assert [item.path.name for item in found.items] == [
        name.rpartition("/")[2] for name in found.trials.clips
    ]


def test_where_most_speakers_have_one_clip_its_ends_are_compared_and_it_is_said(
    card: Card, manifest: Manifest
) -> None:
    told: list[Event] = []
    asked = Asked(data=one_each(manifest), split="validation")
    found = asking.find(asked, card=card, on_event=told.append)
    assert found.trials.sessions().same == 4
    assert all("#t=" in name for name in found.trials.clips)
    assert all(item.start_s is not None for item in found.items)
    (note,) = [event.text for event in told if isinstance(event, Note)]
    assert note.startswith("validation: 4 of 4 speakers have one recording only")
    assert "4 of 4 speakers have one recording only" in found.trials.origin


def test_a_saved_list_finds_its_clips_and_pieces_again(
    card: Card, manifest: Manifest, tmp_path: Path
) -> None:
    asked = Asked(data=one_each(manifest), split="test")
    drawn = asking.find(asked, card=card)
    table = drawn.trials.save(tmp_path / "trials.csv")
    again = asking.find(replace(asked, table=table), card=card)
    assert again.trials == drawn.trials
    assert [(i.path, i.start_s, i.end_s) for i in again.items] == [
        (i.path, i.start_s, i.end_s) for i in drawn.items
    ]
    alone = Asked(table=table, audio=one_each(manifest).root)
    bare = asking.find(alone, card=card)
    assert [item.path for item in bare.items] == [item.path for item in drawn.items]
    assert bare.manifest is None


def test_genders_come_with_the_data(card: Card, manifest: Manifest, tmp_path: Path) -> None:
    rows = [f"{item.path},{item.speaker},{item.split},f" for item in manifest]
    table = tmp_path / "voices.csv"
    table.write_text("\n".join(["path,speaker,split,gender", *rows]) + "\n")
    found = asking.find(Asked(data=table), card=card)
    assert {found.genders[name] for name in found.trials.speakers} == {"female"}


def test_a_split_or_data_that_is_not_there_is_refused(card: Card, manifest: Manifest) -> None:
    with pytest.raises(ManifestError, match=r"has no split 'held-out' \(there: train, val"):
        asking.find(Asked(data=manifest, split="held-out"), card=card)
    with pytest.raises(ManifestError, match="name clips with speakers by --data, or trials"):
        asking.find(Asked(), card=card)
    alone = manifest.with_items(item for item in manifest if item.speaker == "s08")
    with pytest.raises(ManifestError, match="--split all: tone speakers: no trials can be made"):
        asking.find(Asked(data=alone, split="all"), card=card)
