"""manifest.csv: a row stands there exactly when its file does."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.converting import ledger
from sonant.converting.ledger import COLUMNS, MANIFEST, Row
from sonant.errors import ManifestError
from sonant.manifest import Manifest

SETTINGS = {
    "model": "ab" * 32,
    "vocoder": "griffin-lim",
    "seed": "0",
    "f0": "no",
    "seglen_s": "20",
    "watermark": "yes",
}


def made(folder: Path, name: str) -> Row:
    """A result, and the row about it."""
    path = folder / "wav" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(name.encode())
    known = {"path": f"wav/{name}.wav", "label": ledger.LABEL, "speaker": 'a "b", c', **SETTINGS}
    return {**dict.fromkeys(COLUMNS, ""), **known, "sha256": ledger.digest(path)}


def test_rows_come_back_in_the_next_run(tmp_path: Path) -> None:
    with ledger.opened(tmp_path, SETTINGS) as book:
        rows = [made(tmp_path, "one"), made(tmp_path, "two")]
        for row in rows:
            book.add(row)
        assert "wav/one.wav" in book
        assert "wav/three.wav" not in book
    with ledger.opened(tmp_path, SETTINGS) as book:
        assert book.rows == rows
        assert book["wav/two.wav"] == rows[1]


def test_a_row_is_on_the_disk_as_soon_as_it_is_added(tmp_path: Path) -> None:
    with ledger.opened(tmp_path, SETTINGS) as book:
        assert (tmp_path / MANIFEST).read_text().count("\n") == 1
        book.add(made(tmp_path, "one"))
        assert (tmp_path / MANIFEST).read_text().count("\n") == 2


def test_a_row_without_its_file_is_dropped_and_so_is_one_whose_file_changed(tmp_path: Path) -> None:
    with ledger.opened(tmp_path, SETTINGS) as book:
        for name in ("gone", "changed", "kept"):
            book.add(made(tmp_path, name))
    (tmp_path / "wav/gone.wav").unlink()
    (tmp_path / "wav/changed.wav").write_bytes(b"other")
    with ledger.opened(tmp_path, SETTINGS) as book:
        assert [row["path"] for row in book.rows] == ["wav/kept.wav"]
    assert (tmp_path / MANIFEST).read_text().count("\n") == 2


def test_a_last_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    with ledger.opened(tmp_path, SETTINGS) as book:
        book.add(made(tmp_path, "one"))
        book.add(made(tmp_path, "two"))
    file = tmp_path / MANIFEST
    file.write_text(file.read_text()[:-9])
    with ledger.opened(tmp_path, SETTINGS) as book:
        assert [row["path"] for row in book.rows] == ["wav/one.wav"]


def test_what_a_killed_run_was_writing_goes(tmp_path: Path) -> None:
    made(tmp_path, "one")
    scratch = tmp_path / "wav" / ".writing-0123.wav"
    scratch.write_bytes(b"half")
    with ledger.opened(tmp_path, SETTINGS):
        assert not scratch.exists()


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_folder_of_other_settings_is_refused(tmp_path: Path, name: str) -> None:
    with ledger.opened(tmp_path, SETTINGS) as book:
        book.add(made(tmp_path, "one"))
    with (
        pytest.raises(ManifestError, match=f"was made with {name} {SETTINGS[name]}, not other"),
        ledger.opened(tmp_path, {**SETTINGS, name: "other"}),
    ):
        pass


def test_somebody_elses_manifest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("path,label\na.wav,yes\n")
    with (
        pytest.raises(ManifestError, match="choose another --out"),
        ledger.opened(tmp_path, SETTINGS),
    ):
        pass
    assert (tmp_path / MANIFEST).read_text() == "path,label\na.wav,yes\n"


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        ledger.opened(tmp_path, SETTINGS),
        pytest.raises(ManifestError, match="another run is at work in this folder"),
        ledger.opened(tmp_path, SETTINGS),
    ):
        pass
    with ledger.opened(tmp_path, SETTINGS):
        pass


def test_a_detector_is_trained_on_it_as_it_is(tmp_path: Path) -> None:
    with ledger.opened(tmp_path, SETTINGS) as book:
        book.add(made(tmp_path, "one"))
    (item,) = Manifest.load(tmp_path / MANIFEST).items
    assert (item.path, item.label) == (tmp_path / "wav/one.wav", ledger.LABEL)
    assert item.speaker == 'a "b", c'
