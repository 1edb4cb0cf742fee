"""`sonant spoof corpus`: recordings and results of attacks as one table, ready for training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner, Result

from sonant.cli.spoof import app
from sonant.manifest import Manifest
from spoof_bundle import write_clips


def spoof(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def folders(root: Path) -> tuple[Path, Path]:
    """Bona fide clips in a folder without a table, and forgeries in one with a table of both."""
    clips = write_clips(root / "made")
    words = root / "words" / "yes"
    words.mkdir(parents=True)
    for item in clips.where(labels=("bonafide",)):
        shutil.copy(item.path, words / f"{item.speaker}_nohash_{item.path.stem}.wav")
    return words.parent, root / "made"


def test_it_writes_the_table_counts_it_and_says_how_to_go_on(tmp_path: Path) -> None:
    words, made = folders(tmp_path)
    table = tmp_path / "corpus.csv"
    done = spoof(
        "corpus", table, "--bonafide", words, "--forged", made, "--attack", "near", "--json"
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found == {
        "table": str(table), "labels": {"bonafide": 12, "spoof": 6}, "attacks": {"near": 6}
    }  # fmt: skip
    assert len(Manifest.load(table)) == 18
    assert f"sonant spoof equalise {table}" in done.stderr
    again = spoof("corpus", table, "--bonafide", words, "--forged", made)
    assert again.exit_code == 1
    assert "is there already" in str(again.exception)


def test_the_table_on_the_terminal_names_the_attacks(tmp_path: Path) -> None:
    words, made = folders(tmp_path)
    done = spoof("corpus", tmp_path / "c.csv", "--bonafide", words, "--forged", made)
    for word in ("bonafide", "spoof", "near", "far"):
        assert word in done.stdout
    assert "training makes them, of whole speakers" in done.stderr


def test_both_kinds_have_to_be_named(tmp_path: Path) -> None:
    assert spoof("corpus", tmp_path / "c.csv", "--bonafide", tmp_path).exit_code == 2
