"""`sonant spoof score` and `calibrate`: what they print, where, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner, Result

from sonant.cli.spoof import app
from spoof_bundle import RATE_HZ, noise, score_of, write_clips, write_spoof_bundle

Run = Callable[..., Result]


@pytest.fixture
def spoof() -> Run:
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_spoof_bundle(tmp_path / "models").parent


def test_a_clip_is_answered_by_named_scores(spoof: Run, bundle: Path, tmp_path: Path) -> None:
    clip = tmp_path / "loud.wav"
    soundfile.write(clip, noise(0.3, 1.0), RATE_HZ)
    done = spoof("score", bundle, clip, "--json")
    assert done.exit_code == 0
    answer = json.loads(done.stdout)[str(clip)]
    assert answer["llr_bonafide"] == pytest.approx(score_of(noise(0.3, 1.0)), abs=1e-2)
    assert answer["p_spoof"] < 0.5
    assert "uncalibrated" in spoof("score", bundle, clip).stdout


def test_data_with_labels_give_rates_by_attack_and_a_page(
    spoof: Run, bundle: Path, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips")
    page = tmp_path / "page.html"
    done = spoof("score", bundle, "--data", tmp_path / "clips", "--report", page, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert {(part["column"], part["value"]) for part in found["parts"]} >= {("attack", "near")}
    assert "By attack" in page.read_text()
    table = spoof("score", bundle, "--data", tmp_path / "clips", "--by", "codec").stdout
    assert "codec mp3" in table
    assert "attack" not in table


def test_after_calibrate_the_next_version_knows_its_scores(
    spoof: Run, bundle: Path, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips")
    done = spoof("calibrate", bundle, "--data", tmp_path / "clips", "--split", "test")
    assert done.exit_code == 0, done.output
    found = json.loads(spoof("score", bundle, "--data", tmp_path / "clips", "--json").stdout)
    assert found["calibrated"]
    assert found["bundle"] == "loud/2"
    assert "cllr" in found["whole"]["rates"]


def test_clips_or_data_but_not_both(spoof: Run, bundle: Path, tmp_path: Path) -> None:
    assert spoof("score", bundle).exit_code == 2
    assert spoof("score", bundle, tmp_path / "a.wav", "--data", tmp_path).exit_code == 2


def test_a_split_that_is_not_there_is_refused(spoof: Run, bundle: Path, tmp_path: Path) -> None:
    write_clips(tmp_path / "clips")
    done = spoof("score", bundle, "--data", tmp_path / "clips", "--split", "dev")
    assert done.exit_code == 1
    assert "has no clips in the split 'dev'; there: test" in str(done.exception)
