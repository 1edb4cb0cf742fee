"""Recordings are chosen by speaker, cut into pieces, and put into splits that all stages keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sonant import audio
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.pipeline import recordings
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Clips
from tone_speakers import tone_speakers


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    return tone_speakers(folder, speakers=9, each=2).save(folder / "all.csv")


def chosen(source: Path, folder: Path, **settings: Any) -> Made:
    bench = Bench(name="voices", folder=folder, inputs={})
    return recordings.choose(Clips(source=str(source), **settings), bench)


def test_whole_speakers_are_in_one_split_each(voices: Path, tmp_path: Path) -> None:
    found = Manifest.load(chosen(voices, tmp_path).path)
    sides = [{item.speaker for item in found.where(split=split)} for split in found.splits]
    assert found.splits == ("train", "validation", "test")
    assert sum(map(len, sides)) == 9
    assert {item.path.parent.parent for item in found} == {voices.parent}, (
        "files stay where they are"
    )


def test_pieces_are_files_of_one_length(voices: Path, tmp_path: Path) -> None:
    made = chosen(voices, tmp_path, segment_s=0.2, per_speaker=3, speakers=5)
    found = Manifest.load(made.path)
    assert {audio.read(item.path).duration_s for item in found} == {0.2}
    assert len({item.speaker for item in found}) == 5
    assert max(sum(i.speaker == one.speaker for i in found) for one in found) == 3
    assert all(item.path.is_relative_to(tmp_path) for item in found)


def test_pieces_longer_than_every_recording_are_refused(voices: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no recording lasts 30 s"):
        chosen(voices, tmp_path, segment_s=30.0)


def test_a_source_that_changes_is_another_source(tmp_path: Path) -> None:
    clips = tone_speakers(tmp_path, speakers=4, each=1)
    settings = Clips(source=str(clips.save(tmp_path / "all.csv")))
    before = recordings.source_of(settings)
    assert recordings.source_of(settings) == before
    with clips.items[0].path.open("ab") as file:
        file.write(b"more")
    assert recordings.source_of(settings) != before


def test_data_that_nobody_named_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="--data"):
        recordings.choose(Clips(), Bench(name="voices", folder=tmp_path, inputs={}))
