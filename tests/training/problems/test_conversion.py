"""Voice converters from data to bundle: they learn, resume, and their bundles say what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from small_converters import CONVERSION_RECIPE
from sonant import training
from sonant.bundle import load_embedder, load_voice_converter
from sonant.card import Card
from sonant.errors import ModelError, RecipeError
from sonant.events import Stepped
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from tone_speakers import SPEAKERS_RECIPE, tone_speakers


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speakers(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def fitted(voices: Manifest, tmp_path_factory: pytest.TempPathFactory) -> training.Fitted:
    recipe = Recipe.load(CONVERSION_RECIPE)
    return training.fit(recipe, voices, out=tmp_path_factory.mktemp("fitted") / "run")


def test_it_learns_to_say_again_what_speakers_said_whom_it_never_heard(
    fitted: training.Fitted,
) -> None:
    rows = fitted.folder.history()
    assert rows[-1]["train_loss"] < 0.8 * rows[0]["train_loss"]
    assert rows[-1]["validation_loss"] < rows[0]["validation_loss"]
    assert rows[fitted.best_epoch - 1]["validation_loss"] == min(r["validation_loss"] for r in rows)
    assert not any("accuracy" in name for name in rows[0]), "nothing is answered rightly or wrongly"


def test_the_bundle_converts_as_the_model_does(fitted: training.Fitted) -> None:
    assert fitted.bundle is not None
    card = Card.read(fitted.bundle)
    assert (card.task, card.labels, set(card.graphs)) == ("conversion", (), {"convert"})
    assert (card.graphs["convert"].input, card.graphs["convert"].output) == ("source", "mel")
    assert {"train_loss", "validation_loss"} == set(card.metrics)
    golden = np.load(fitted.bundle / "golden.npz")
    session = onnxruntime.InferenceSession(fitted.bundle / "graphs" / "convert.onnx")
    feed = {name: golden[name] for name in ("source", "target")}
    np.testing.assert_allclose(session.run(["mel"], feed)[0], golden["mel"], atol=2e-3)
    model = load_voice_converter(fitted.bundle)
    with torch.no_grad():
        eager = model(*(torch.from_numpy(feed[name])[:, None] for name in ("source", "target")))
    np.testing.assert_allclose(eager.numpy(), golden["mel"], atol=1e-5)


def test_a_converter_is_no_model_of_speakers(fitted: training.Fitted) -> None:
    assert fitted.bundle is not None
    with pytest.raises(ModelError, match="is of conversion; this asks for a model of speakers"):
        load_embedder(fitted.bundle)


def test_a_killed_run_goes_on_to_the_same_weights(voices: Manifest, tmp_path: Path) -> None:
    recipe = Recipe.load(CONVERSION_RECIPE, ["fit.epochs=2"])
    whole = training.fit(recipe, voices, out=tmp_path / "whole", rehearsal=False)

    def stop(event: object) -> None:
        if isinstance(event, Stepped) and (event.epoch, event.step) == (2, 3):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        training.fit(recipe, voices, out=tmp_path / "cut", rehearsal=False, on_event=stop)
    training.fit(recipe, voices, out=tmp_path / "cut", rehearsal=False, resume=True)
    left = load_file(whole.folder.last)
    right = load_file(tmp_path / "cut" / "last.safetensors")
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def test_a_bundle_of_speakers_judges_conversions_and_is_not_kept_with_them(
    voices: Manifest, fitted: training.Fitted, tmp_path: Path
) -> None:
    speakers = training.fit(
        Recipe.load(SPEAKERS_RECIPE, ["fit.epochs=1"]), voices, out=tmp_path / "s", rehearsal=False
    )
    settings = ["fit.epochs=1", f"conversion.speaker='{speakers.bundle}'"]
    recipe = Recipe.load(CONVERSION_RECIPE, settings)
    judged = training.fit(recipe, voices, out=tmp_path / "run", rehearsal=False)
    assert judged.folder.history()[0]["train_loss"] > fitted.folder.history()[0]["train_loss"]
    names = load_file(judged.folder.best).keys()
    assert names == load_file(fitted.folder.best).keys()
    other = Recipe.load(CONVERSION_RECIPE, [*settings, "data.rate_hz=8000"])
    with pytest.raises(RecipeError, match=r"hears 4000 Hz, and data\.rate_hz is 8000"):
        training.fit(other, voices, out=tmp_path / "other", rehearsal=False)
