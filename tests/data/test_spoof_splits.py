"""Data for spoof detectors: two labels, and no voice on two sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sonant.data.preparation import DataConfig
from sonant.data.splits import speaker_leaks
from sonant.data.spoof_splits import labelled, prepare
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest


def clips(*, split: str = "", speakers: int = 10, label: str = "") -> Manifest:
    items = [
        Item(
            path=Path(f"/c/{number}-{kind}.wav"),
            label=label or kind,
            speaker=f"s{number}",
            split=split,
        )
        for number in range(speakers)
        for kind in ("real", "Fake")
    ]
    return Manifest(items=tuple(items), name="clips")


def test_labels_are_those_of_a_detector_and_a_speaker_stands_on_one_side() -> None:
    found = prepare(DataConfig(), clips(), seed=0)
    assert found.labels == ("bonafide", "spoof")
    assert found.splits == ("train", "validation", "test")
    assert not speaker_leaks(found)


def test_splits_that_are_given_stay() -> None:
    given = clips()
    sides = ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    given = given.with_items(
        replace(item, split=side) for item, side in zip(given, sides, strict=True)
    )
    assert [item.split for item in prepare(DataConfig(), given, seed=0)] == sides


def test_splits_that_share_a_voice_are_made_anew_or_refused() -> None:
    given = clips()
    sides = ["train", "validation"] * 8 + ["test"] * 4
    given = given.with_items(
        replace(item, split=side) for item, side in zip(given, sides, strict=True)
    )
    assert not speaker_leaks(prepare(DataConfig(), given, seed=0))
    with pytest.raises(ManifestError, match="8 speakers stand in more than one split, as s0"):
        prepare(DataConfig(split="given"), given, seed=0)


def test_one_kind_alone_is_refused() -> None:
    with pytest.raises(ManifestError, match="no clip to train on is spoof"):
        prepare(DataConfig(), clips(label="real"), seed=0)


def test_a_label_that_says_neither_is_refused_with_its_file() -> None:
    with pytest.raises(ManifestError, match=r"0-real\.wav: the label 'perhaps'"):
        labelled(clips(label="perhaps"))
