"""A run for a converter: whole speakers are held out, and its figures are of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from small_converters import CONVERSION_RECIPE
from sonant import runs
from tone_speakers import tone_speakers


def test_a_folder_of_speakers_becomes_a_converter(tmp_path: Path) -> None:
    tone_speakers(tmp_path / "voices", speakers=12)
    done = runs.train(
        CONVERSION_RECIPE,
        tmp_path / "voices",
        out=tmp_path / "run",
        overrides=["data.shares=[60, 20, 20]", "fit.epochs=1"],
        rehearsal=False,
    )
    assert done is not None
    assert done.report is None
    assert done.metrics.keys() == {"train_loss", "validation_loss", "test_loss"}
    found = json.loads((done.folder / "evaluation.json").read_text())
    assert found["test_loss"] == pytest.approx(done.metrics["test_loss"])
    assert found["speakers"] >= 2
