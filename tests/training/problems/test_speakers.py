"""Speaker models from data to bundle: they learn, resume, go on with another loss, share out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from sonant import training
from sonant.bundle import load_classifier, load_embedder
from sonant.card import Card
from sonant.errors import ModelError, RecipeError, TrainingError
from sonant.events import Stepped
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from tone_speakers import SPEAKERS_RECIPE, tone_speakers

TRIPLETS = ("speaker.loss.name=triplet", "speaker.together=2", "fit.learning_rate=1e-3")


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speakers(tmp_path_factory.mktemp("voices"))


def tones(*overrides: str) -> Recipe:
    return Recipe.load(SPEAKERS_RECIPE, overrides)


@pytest.fixture(scope="module")
def fitted(voices: Manifest, tmp_path_factory: pytest.TempPathFactory) -> training.Fitted:
    recipe = tones("speaker.loss.name=aam", "fit.epochs=8")
    return training.fit(recipe, voices, out=tmp_path_factory.mktemp("fitted") / "run")


def assert_equal(one: Path, other: Path) -> None:
    left, right = load_file(one), load_file(other)
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def test_it_learns_to_tell_speakers_apart_that_it_never_heard(fitted: training.Fitted) -> None:
    rows = fitted.folder.history()
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert rows[fitted.best_epoch - 1]["validation_eer"] == min(r["validation_eer"] for r in rows)
    assert min(row["validation_eer"] for row in rows) < 0.3


def test_the_bundle_embeds_as_the_model_does_and_knows_no_names(fitted: training.Fitted) -> None:
    assert fitted.bundle is not None
    card = Card.read(fitted.bundle)
    assert (card.task, card.labels, set(card.graphs)) == ("speakers", (), {"embed"})
    assert "validation_eer" in card.metrics
    golden = np.load(fitted.bundle / "golden.npz")
    assert (golden["lengths"] <= golden["samples"].shape[1]).all()
    session = onnxruntime.InferenceSession(fitted.bundle / "graphs" / "embed.onnx")
    feed = {"samples": golden["samples"], "lengths": golden["lengths"]}
    (found,) = session.run([card.graphs["embed"].output], feed)
    np.testing.assert_allclose(found, golden["embeddings"], atol=1e-4)
    model = load_embedder(fitted.bundle)
    with torch.no_grad():
        eager = model(
            torch.from_numpy(golden["samples"])[:, None], torch.from_numpy(golden["lengths"])
        )
    np.testing.assert_allclose(eager.numpy(), golden["embeddings"], atol=1e-6)
    weights = load_file(fitted.bundle / "weights.safetensors")
    assert not any("directions" in name for name in weights), "the training's speakers stay at home"


def test_a_model_of_speakers_is_no_model_of_words(fitted: training.Fitted) -> None:
    assert fitted.bundle is not None
    with pytest.raises(ModelError, match="this asks for a model of words"):
        load_classifier(fitted.bundle)


def test_a_killed_run_goes_on_to_the_same_weights_and_the_same_loss(
    voices: Manifest, tmp_path: Path
) -> None:
    recipe = tones("speaker.loss.name=aam", "speaker.speeds=[0.9]", "fit.epochs=2")
    whole = training.fit(recipe, voices, out=tmp_path / "whole", rehearsal=False)

    def stop(event: object) -> None:
        if isinstance(event, Stepped) and (event.epoch, event.step) == (2, 3):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        training.fit(recipe, voices, out=tmp_path / "cut", rehearsal=False, on_event=stop)
    held = load_file(tmp_path / "cut" / "checkpoint.safetensors")
    assert "task.criterion.directions" in held
    training.fit(recipe, voices, out=tmp_path / "cut", rehearsal=False, resume=True)
    for name in ("last", "best"):
        assert_equal(
            whole.folder.path / f"{name}.safetensors", tmp_path / "cut" / f"{name}.safetensors"
        )
    one, two = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("whole", "cut"))
    assert torch.equal(one["task.criterion.directions"], two["task.criterion.directions"])


def test_triplets_go_on_where_a_bundle_ended_and_never_begin_afresh(
    voices: Manifest, fitted: training.Fitted, tmp_path: Path
) -> None:
    with pytest.raises(
        RecipeError, match=r"begin with a model that was trained with softmax or aam"
    ):
        training.fit(tones(*TRIPLETS), voices, out=tmp_path / "fresh", rehearsal=False)
    recipe = tones(*TRIPLETS, f"parent='{fitted.bundle}'", "fit.epochs=2")
    gone_on = training.fit(recipe, voices, out=tmp_path / "on", rehearsal=False)
    before = min(row["validation_eer"] for row in fitted.folder.history())
    rows = gone_on.folder.history()
    assert rows[0]["train_accuracy"] > 0.5, "it knows the speakers from the first step on"
    assert min(row["validation_eer"] for row in rows) <= before + 0.15
    assert gone_on.bundle is not None
    assert Card.read(gone_on.bundle).provenance.parent == "tones/1"


def test_a_collapse_stops_the_run_before_it_is_kept(voices: Manifest, tmp_path: Path) -> None:
    recipe = tones("speaker.collapse_cosine=-0.5", "speaker.collapse_steps=4")
    with pytest.raises(TrainingError, match="collapsed: for 4 steps"):
        training.fit(recipe, voices, out=tmp_path / "run", rehearsal=False)
    assert not (tmp_path / "run" / "bundle").exists()


def test_two_processes_give_what_one_gives(voices: Manifest, tmp_path: Path) -> None:
    """With batch norm held still, which would see each process' own crops, weights agree to 1e-5."""
    table = voices.save(tmp_path / "voices.csv")
    recipe = tones("fit.epochs=1", "fit.optimizer=sgd", "speaker.loss.name=aam")
    program = tmp_path / "program.py"
    program.write_text(
        f"""
from pathlib import Path
from torch import nn
from torch.nn import functional as F
from sonant import training
from sonant.manifest import Manifest
from sonant.recipe import Recipe
def still(self, x):
    return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False)
nn.BatchNorm1d.forward = nn.BatchNorm2d.forward = still
recipe = Recipe.from_dict({recipe.to_dict()!r})
training.fit(recipe, Manifest.load({str(table)!r}), out=Path({str(tmp_path)!r}) / OUT, device="cpu",
             rehearsal=False)
"""
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for out, launch in (("one", []), ("two", _TWO)):
        runnable = tmp_path / f"{out}.py"
        runnable.write_text(f"OUT = {out!r}\n" + program.read_text())
        command = [sys.executable, *launch, str(runnable)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (json.loads((tmp_path / n / "metrics.jsonl").read_text()) for n in ("one", "two"))
    assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-4)
    left, right = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("one", "two"))
    assert "task.criterion.directions" in left
    for name in (name for name in left if name.startswith(("model.", "task."))):
        np.testing.assert_allclose(right[name].numpy(), left[name].numpy(), atol=1e-5, err_msg=name)


_TWO = [
    "-m",
    "torch.distributed.run",
    "--nproc-per-node",
    "2",
    "--master-port",
    "0",
    "--standalone",
]
