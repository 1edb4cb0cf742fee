"""`sonant convert` and `sonant spoof inspect`: from folders to marked speech and back."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from bundles import RATE_HZ
from converters import write_converter, write_vocoder, write_voice
from sonant.cli import convert as convert_verb
from sonant.cli import spoof
from sonant.errors import ManifestError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sonant(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the verbs by themselves; returns exit code, stdout, stderr."""
    app = typer.Typer()
    app.command("convert")(convert_verb.convert)
    app.add_typer(spoof.app, name="spoof")

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            app([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_converter(tmp_path_factory.mktemp("converter"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    write_voice(root / "from/84/121123/84-121123-0000.flac", 110.0, seconds=6.0)
    write_voice(root / "to/anna.wav", 210.0)
    return root


def test_what_is_converted_is_found_to_be_marked(
    sonant: Run, bundle: Path, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ends = ("--source", clips / "from", "--target", clips / "to", "--out", out)
    code, shown, told = sonant("convert", bundle, *ends, "--no-melody", "--njobs", 1)
    assert code == 0
    assert "mark db" in shown
    assert f"written: {out / 'manifest.csv'}" in told
    assert f"next: sonant spoof inspect {out}" in told
    assert (out / "wav/84-121123-0000_to_anna.wav").is_file()
    assert (out / "mel/84-121123-0000_to_anna.npy").is_file()
    assert (out / "plot/84-121123-0000_to_anna.png").is_file()
    assert (out / "report.html").is_file()
    code, shown, told = sonant("spoof", "inspect", out / "wav", clips / "from", "--json")
    assert code == 0
    marked, recording = map(json.loads, shown.splitlines())
    assert marked["metadata"]["target"] == "anna"
    assert marked["watermark"]["found"]
    with (out / "manifest.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["model"].startswith(marked["watermark"]["model"])
    assert marked["metadata"]["model"] == row["model"]
    assert (recording["synthetic"], recording["metadata"]) == (False, None)
    assert "1 of 2 files bear a mark" in told


def test_the_mark_can_be_left_out_but_the_metadata_stay(
    sonant: Run, bundle: Path, clips: Path, tmp_path: Path
) -> None:
    ends = ("-s", clips / "from", "-t", clips / "to", "-o", tmp_path / "out")
    options = ("--no-watermark", "--no-mel", "--plots", 0, "--no-melody", "--json")
    code, shown, _ = sonant("convert", bundle, *ends, *options)
    assert code == 0
    assert json.loads(shown)["conversions"] == 1
    assert not (tmp_path / "out/mel").exists()
    assert not list((tmp_path / "out/plot").iterdir())
    code, shown, _ = sonant("spoof", "inspect", tmp_path / "out/wav")
    assert code == 0
    assert "its metadata say so; its sound bears no mark" in shown


def test_dry_says_what_would_be_done_and_does_nothing(
    sonant: Run, bundle: Path, clips: Path, tmp_path: Path
) -> None:
    ends = ("-s", clips / "from", "-t", clips / "to", "-o", tmp_path / "out")
    code, shown, told = sonant("convert", bundle, *ends, "--dry")
    assert code == 0
    assert "84-121123-0000_to_anna.wav" in shown
    assert "1 conversions of 2 recordings: 0.1 min of speech" in told
    code, shown, _ = sonant("convert", bundle, *ends, "--dry", "--json")
    assert json.loads(shown)["seconds"] == pytest.approx(6.0)
    assert not (tmp_path / "out").exists()


def test_nesting_writes_the_next_version_of_the_bundle(
    sonant: Run, clips: Path, tmp_path: Path
) -> None:
    own, vocoder = write_converter(tmp_path / "models"), write_vocoder(tmp_path / "models")
    ends = ("-s", clips / "from", "-t", clips / "to", "-o", tmp_path / "out", "--no-melody")
    code, _, told = sonant("convert", own, *ends, "--vocoder", vocoder, "--nest")
    assert code == 0
    assert f"written: {own.parent / '2'}, with the vocoder in it" in told
    with (tmp_path / "out/manifest.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert len(row["vocoder"]) == 64


def test_a_silent_source_is_named(sonant: Run, bundle: Path, clips: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(RATE_HZ), RATE_HZ)
    ends = ("-s", silent, "-s", clips / "from", "-t", clips / "to", "-o", tmp_path / "out")
    app = typer.Typer()
    app.command()(convert_verb.convert)
    with pytest.raises(ManifestError, match=r"silent\.wav: is silent"):
        app([str(one) for one in (bundle, *ends)], standalone_mode=False)
    code, _, told = sonant("convert", bundle, *ends, "--skip-unreadable", "--no-melody")
    assert code == 0
    assert f"left out: {silent}: is silent" in told


def test_a_file_that_cannot_be_read_is_named_beside_the_others(
    sonant: Run, clips: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"nothing")
    code, shown, told = sonant("spoof", "inspect", broken, clips / "to/anna.wav")
    assert code == 1
    assert "no mark found, which does not prove that it is a recording" in shown
    assert f"unreadable: {broken}" in told
    assert "0 of 2 files bear a mark, 1 cannot be read" in told
