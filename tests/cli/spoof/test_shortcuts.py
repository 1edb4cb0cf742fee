"""`sonant spoof audit` and `equalise`: what they print, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sonant.cli.spoof import app
from sonant.manifest import Manifest
from sonant.spoofing import auditing
from spoof_bundle import write_clips


def test_louder_clips_of_one_kind_are_found_out_and_then_made_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "TREES", 20)
    write_clips(tmp_path / "clips", overlap=0.0)
    page = tmp_path / "audit.html"
    told = CliRunner().invoke(
        app, ["audit", str(tmp_path / "clips"), "--json", "--report", str(page)]
    )
    assert told.exit_code == 1
    eers = {s["group"]: s["eer"]["value"] for s in json.loads(told.stdout)["shortcuts"]}
    assert eers["gain"] < auditing.CHANCE
    assert "tells the labels" in page.read_text()
    made = CliRunner().invoke(
        app, ["equalise", str(tmp_path / "clips"), str(tmp_path / "alike"), "--length", "0.3"]
    )
    assert made.exit_code == 0, made.output
    assert "24 clips in" in made.stdout
    assert len(Manifest.load(tmp_path / "alike")) == 24


def test_a_folder_that_is_full_is_refused(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", each=2)
    done = CliRunner().invoke(app, ["equalise", str(tmp_path / "clips"), str(tmp_path / "clips")])
    assert done.exit_code == 1
    assert "is there already" in str(done.exception)
