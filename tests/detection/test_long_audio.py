"""Long recordings: what is listed, and what is known to be said in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundles import write_tone
from sonant.detection.long_audio import Long, find, halves, sounds
from sonant.errors import ManifestError

WORDS = {"high", "low"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.wav", "deep/a.flac", "deep/er/c.wav"):
        write_tone(tmp_path / "long" / name, "low", seconds=0.7)
    (tmp_path / "long" / "notes.txt").write_text("no sound")
    return tmp_path / "long"


def test_a_folder_is_all_its_recordings_with_nothing_said(folder: Path) -> None:
    found = find(folder, keywords=WORDS)
    assert [one.path.name for one in found] == ["b.wav", "a.flac", "c.wav"]
    assert not any(one.occurrences for one in found)


def test_a_file_is_one_recording(folder: Path) -> None:
    assert find(folder / "b.wav", keywords=WORDS) == (Long(path=folder / "b.wav"),)


def test_rows_with_keywords_are_occurrences_and_others_only_audio(folder: Path) -> None:
    table = folder / "manifest.csv"
    table.write_text(
        "path,label,start,end\nb.wav,low,0.2,0.4\nb.wav,high,0.1,0.2\ndeep/a.flac,x,0,1\n"
    )
    for where in (folder, table):
        first, second = find(where, keywords=WORDS)
        assert [(one.label, one.start_s, one.end_s) for one in first.occurrences] == [
            ("high", 0.1, 0.2),
            ("low", 0.2, 0.4),
        ]
        assert (second.path.name, second.occurrences) == ("a.flac", ())


def test_a_row_without_times_is_about_the_whole_file(folder: Path) -> None:
    (folder / "manifest.csv").write_text("path,label\nb.wav,low\n")
    ((occurrence,),) = (one.occurrences for one in find(folder, keywords=WORDS))
    assert (occurrence.start_s, occurrence.end_s) == (0.0, pytest.approx(0.7))


def test_a_table_may_lie_elsewhere_but_must_be_about_these_recordings(
    folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "said.csv"
    table.write_text("path,label,start,end\nlong/b.wav,low,0.2,0.4\n")
    found = find(folder, keywords=WORDS, table=table)
    assert [len(one.occurrences) for one in found] == [1, 0, 0]
    with pytest.raises(ManifestError, match=r"b\.wav, which is not among"):
        find(folder / "deep", keywords=WORDS, table=table)


def test_a_folder_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no audio files"):
        find(tmp_path, keywords=WORDS)


def test_recordings_come_in_blocks_at_the_rate_asked_for(folder: Path) -> None:
    (sound,) = sounds(find(folder / "b.wav", keywords=WORDS), rate_hz=8000)
    with sound.open() as blocks:
        assert sum(len(block) for block in blocks) == pytest.approx(0.7 * 8000, abs=2)


def test_a_threshold_is_chosen_on_every_second_recording(folder: Path) -> None:
    found = find(folder, keywords=WORDS)
    assert halves(found) == ((found[0], found[2]), (found[1],))
    with pytest.raises(ManifestError, match="two or more"):
        halves(found[:1])
