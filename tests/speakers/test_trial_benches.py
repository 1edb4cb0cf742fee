"""`bench/speakers.py` and `bench/seed_heads.py` in small: everybody is asked all of one list of trials."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sonant
from sonant.manifest import Manifest
from tone_speakers import SPEAKERS_RECIPE, tone_speakers
from voice_bundle import write_voices

BENCH = Path(__file__).parents[2] / "bench"
FEW = ("--per-speaker", "3", "--different-per-same", "1", "--redrawn", "20")


def said(script: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(BENCH / script), *options, *FEW, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    return tone_speakers(folder).save(folder / "clips.csv")


@pytest.fixture(scope="module")
def race(tones: Path) -> dict[str, Any]:
    one, two = write_voices(tones.parent / "one"), write_voices(tones.parent / "two", norm=False)
    bundles = ("--bundle", f"one={one}", "--bundle", f"two={two}")
    return said("speakers.py", str(tones), *bundles, "--timed", "4", "--rounds", "2")


def test_every_bundle_and_every_fusion_answers_the_same_trials(race: dict[str, Any]) -> None:
    fusions = ("mean of normalised scores", "concatenated, alike", "logistic fusion")
    assert {"one", "two", *fusions} <= race["errors"].keys()
    # Two bundles of one graph cannot be better together.
    alone = race["errors"]["one"]["eer"]["value"]
    assert race["errors"]["two"]["eer"]["value"] == alone
    for name in fusions:
        assert race["errors"][name]["eer"]["value"] == pytest.approx(alone, abs=1e-9)
    assert 0.0 <= race["errors"]["one"]["eer"]["low"] <= alone <= 0.5


def test_speed_is_of_the_same_clips_for_all_and_two_bundles_cost_what_both_do(
    race: dict[str, Any],
) -> None:
    assert {"one", "two", "all of them, one after the other"} <= race["speed"].keys()
    for row in race["speed"].values():
        assert row["same_bits"]
        assert 0.0 < row["low_ms"] <= row["median_ms"] <= row["high_ms"]


def test_a_peer_that_cannot_run_is_named_with_the_reason(race: dict[str, Any]) -> None:
    for peer in ("Resemblyzer", "SpeechBrain ECAPA-1024"):
        assert peer in race["speed"] or "No module" in race["skipped"][peer]


def test_a_bundle_without_a_name_is_refused(tones: Path) -> None:
    command = [sys.executable, str(BENCH / "speakers.py"), str(tones), "--bundle", "nameless"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "NAME=BUNDLE" in done.stderr


@pytest.fixture(scope="module")
def heads(tones: Path) -> dict[str, Any]:
    outcome = sonant.train(
        SPEAKERS_RECIPE,
        Manifest.load(tones),
        out=tones.parent / "rescnn",
        overrides=["model={name='rescnn', stages=[4, 6], blocks=1, size=24}", "fit.epochs=1"],
        rehearsal=False,
    )
    assert outcome is not None
    other = write_voices(tones.parent / "other")  # hears clips, and that is all it has to do
    given = ("--rescnn", str(outcome.bundle), "--tdnn", str(other))
    return said("seed_heads.py", str(tones), *given, "--passes", "1", "--epochs", "1")


def test_heads_are_compared_before_and_after_training_and_in_another_order(
    heads: dict[str, Any],
) -> None:
    assert {
        "ResCNN, its 512 values", "dense head, untrained", "dense head", "conv head, untrained",
        "conv head", "conv head, values shuffled", "real TDNN, on frames",
    } <= heads.keys()  # fmt: skip
    for row in heads.values():
        assert 0.0 <= row["eer"]["value"] <= 1.0


def test_everybody_is_held_against_the_vector_alone(heads: dict[str, Any]) -> None:
    alone = heads.pop("ResCNN, its 512 values")
    assert alone["against"] is None
    for row in heads.values():
        apart = row["eer"]["value"] - alone["eer"]["value"]
        assert row["against"]["value"] == pytest.approx(apart)
