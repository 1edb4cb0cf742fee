"""What a table says of its clips besides what a manifest holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.spoofing import conditions
from spoof_bundle import write_clips


def test_a_clip_keeps_its_conditions_in_any_choice_of_clips(tmp_path: Path) -> None:
    write_clips(tmp_path, each=4)
    manifest = Manifest.load(tmp_path)
    known = conditions.read(tmp_path, manifest)
    assert conditions.of(manifest.items[0], known) == {"codec": "wav"}
    last = manifest.with_items(manifest.items[-1:])
    assert conditions.of(last.items[0], known) == {"attack": "far", "codec": "mp3"}
    assert conditions.read(tmp_path / "manifest.csv", manifest) == known


def test_other_columns_can_be_asked_for(tmp_path: Path) -> None:
    write_clips(tmp_path, each=2)
    manifest = Manifest.load(tmp_path)
    known = conditions.read(tmp_path, manifest, columns=("Speaker",))
    assert {found["Speaker"] for found in known.values()} == {"s0", "s1"}


def test_two_parts_of_one_file_have_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    table = tmp_path / "parts.csv"
    table.write_text("path,label,start,end,attack\na.wav,spoof,0,1,x\na.wav,spoof,1,2,y\n")
    manifest = Manifest.load(table)
    known = conditions.read(table, manifest)
    assert [conditions.of(item, known)["attack"] for item in manifest] == ["x", "y"]


def test_a_folder_without_a_table_has_none(tmp_path: Path) -> None:
    manifest = Manifest(items=(Item(path=tmp_path / "a.wav"),))
    assert conditions.read(tmp_path, manifest) == {}
    with pytest.raises(ManifestError, match="is no table, and has no column 'attack'"):
        conditions.read(tmp_path, manifest, columns=("attack",))


def test_a_column_that_is_not_there_and_a_part_of_the_clips_are_refused(tmp_path: Path) -> None:
    write_clips(tmp_path, each=2)
    manifest = Manifest.load(tmp_path)
    with pytest.raises(ManifestError, match="no column 'tts'"):
        conditions.read(tmp_path, manifest, columns=("tts",))
    with pytest.raises(ManifestError, match="4 rows for 1 clips"):
        conditions.read(tmp_path, manifest.with_items(manifest.items[:1]))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", each=3)
    manifest = Manifest.load(tmp_path / "clips")
    known = conditions.read(tmp_path / "clips", manifest)
    some = manifest.with_items(manifest.items[1:4])
    for table in (tmp_path / "elsewhere.csv", tmp_path / "clips" / "some.csv"):
        conditions.write(table, some, known)
        again = Manifest.load(table)
        assert again == some
        read = conditions.read(table, again)
        assert [conditions.of(item, read) for item in again] == [
            conditions.of(item, known) for item in some
        ]
    assert table.read_text().splitlines()[1].startswith("1.wav,")
