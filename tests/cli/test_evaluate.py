"""`sonant evaluate --stream`: tables, JSON, a page, and a next version with its operating point."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from sonant.card import Card
from sonant.cli.evaluate import evaluate
from sonant.errors import RecipeError, SonantError
from tone_data import write_hiss, write_long, write_manifest, write_tones

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sonant(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the verb by itself; returns exit code, stdout, stderr."""
    app = typer.Typer()
    app.command()(evaluate)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            app([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, `data.csv`, noise and long recordings."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(write_tones(home / "made"), home / "stream" / "3")
    write_manifest(home / "data", each=1).save(home / "data.csv")
    write_hiss(home / "noise" / "hiss.wav")
    for name in ("a", "b"):
        write_long(home / "long" / f"{name}.wav", ("_silence_", "mid", "_silence_"))
    return home


def test_tables_by_default(sonant: Run, home: Path) -> None:
    code, out, err = sonant(
        *(home / "stream", "--data", home / "data.csv", "--stream"),
        *("--background", home / "noise", "--snr", "15", "--long", home / "long"),
    )
    assert code == 0
    for part in ("never reset", "15 dB SNR", "long recordings", "threshold 0.5", "+0.00"):
        assert part in out
    assert "note: no operating point" in err
    assert "next: sonant review" in err


def test_a_chosen_threshold_is_stored_and_its_bundle_named(
    sonant: Run, home: Path, tmp_path: Path
) -> None:
    shutil.copytree(home / "stream", tmp_path / "stream")
    code, out, err = sonant(
        *(tmp_path / "stream", "--data", home / "data.csv", "--stream", "--json"),
        *("--long", home / "long", "--false-alarms-per-hour", 10_000),
        *("--report", tmp_path / "page.html"),
    )
    assert code == 0
    tree = json.loads(out)
    assert tree["written"] == str(tmp_path / "stream" / "4")
    card = Card.read(tmp_path / "stream" / "4")
    assert card.operating_point == tree["operating_point"]
    assert tree["clips"] == 3
    assert (tmp_path / "page.html").exists()
    assert "next: open" in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--long", "x"), "--long: is about streams"),
        (("--false-alarms-per-hour", "2"), "--false-alarms-per-hour: is about streams"),
        (("--stream", "--snr", "loud"), "--snr loud: want decibels"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    home: Path, given: tuple[str, ...], message: str
) -> None:
    app = typer.Typer()
    app.command()(evaluate)
    with pytest.raises(RecipeError, match=message):
        app([str(home / "stream"), "--data", str(home / "data.csv"), *given], standalone_mode=False)
    assert issubclass(RecipeError, SonantError)


def test_without_stream_it_is_the_evaluation_of_clips(sonant: Run, home: Path) -> None:
    code, out, _ = sonant(home / "stream", "--data", home / "data.csv", "--json")
    assert code == 0
    assert "stitched" not in json.loads(out)
