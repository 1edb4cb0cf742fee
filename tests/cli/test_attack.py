"""`sonant attack` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sonant.cli import app
from voice_bundle import write_voices
from voice_clips import write_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "spoken").root


def test_it_attacks_says_how_it_went_and_what_comes_next(clips: Path, tmp_path: Path) -> None:
    bundle = write_voices(tmp_path / "voices")
    arguments = ["attack", str(bundle), "-d", str(clips), "--split", "all", "-m", "nes", "-n", "1",
                 "--queries", "60", "--out", str(tmp_path / "out")]  # fmt: skip
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "attacked, as written" in done.output
    assert "next: open" in done.output
    again = CliRunner().invoke(app, [*arguments, "--json"])
    said = json.loads(next(line for line in again.output.splitlines() if line.startswith("{")))
    assert (said["made"], said["method"], said["clips"]) == (0, "nes", 1)


def test_an_attack_without_any_bound_is_refused(clips: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["attack", str(tmp_path), "-d", str(clips), "--epsilon", "0", "-o", str(tmp_path)]
    )
    assert done.exit_code == 1
    assert "a bound wants epsilon, snr_db or both" in str(done.exception)
