"""A speaker's only recording becomes its two ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sonant import audio
from sonant.audio import Clip
from sonant.manifest import Item, Manifest
from sonant.speakers import cutting
from sonant.verification.trials import TrialList

RATE_HZ = 1000


def clip(folder: Path, speaker: str, seconds: float, number: int = 0) -> Item:
    path = folder / f"{speaker}-{number}.wav"
    audio.write(path, Clip(np.full(round(seconds * RATE_HZ), 0.1, np.float32), RATE_HZ))
    return Item(path=path, speaker=speaker)


def test_only_clips_are_cut_as_far_apart_as_can_be(tmp_path: Path) -> None:
    items = [
        clip(tmp_path, "long", 20.0),
        clip(tmp_path, "middling", 3.0),
        clip(tmp_path, "short", 1.5),
        *(clip(tmp_path, "twice", 3.0, number) for number in range(2)),
    ]
    manifest = Manifest(items=tuple(items))
    assert cutting.wanted(manifest)
    cut = cutting.ends(manifest)
    found = [(item.speaker, item.start_s, item.end_s) for item in cut.manifest]
    assert found == [
        ("long", 0.0, 8.0), ("long", 12.0, None),
        ("middling", 0.0, 1.5), ("middling", 1.5, None),
        ("short", None, None), ("twice", None, None), ("twice", None, None),
    ]  # fmt: skip
    assert (cut.halved, cut.speakers) == (2, 4)
    assert "2 of 4 speakers have one recording only" in str(cut)
    assert TrialList.make(cut.manifest).sessions().same == 2


def test_segments_are_cut_within_themselves(tmp_path: Path) -> None:
    path = clip(tmp_path, "ann", 30.0).path
    whole = Item(path=path, speaker="ann", start_s=10.0, end_s=14.0)
    first, second = cutting.ends(Manifest(items=(whole,))).manifest
    assert (first.start_s, first.end_s) == (10.0, 12.0)
    assert (second.start_s, second.end_s) == (12.0, 14.0)


def test_where_most_have_two_clips_nothing_has_to_be_cut(tmp_path: Path) -> None:
    items = [Item(path=tmp_path / f"{n}.wav", speaker=f"s{n // 2}") for n in range(4)]
    alone = Item(path=tmp_path / "a.wav", speaker="alone")
    assert not cutting.wanted(Manifest(items=(*items, alone)))


def test_a_clip_that_is_not_there_stays_whole_for_whoever_hears_it(tmp_path: Path) -> None:
    gone = Manifest(items=(Item(path=tmp_path / "gone.wav", speaker="ann"),))
    assert cutting.ends(gone).manifest == gone
