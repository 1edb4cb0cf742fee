"""Five days that others lost between a keyword network and its stream; here each is a sentence or less."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sonant.bundle import build_classifier
from sonant.errors import ExportError, ModelError, RecipeError
from sonant.export.tflite_running import TfliteRunner
from sonant.models.classifier import StreamingClassifier
from sonant.nn.streaming import Session
from sonant.nn.windows import WindowFlatten
from sonant.recipe import Recipe

SOURCES = Path(__file__).parents[1] / "src" / "sonant"


def test_a_kernel_longer_than_what_is_left_is_named_with_the_setting_to_change() -> None:
    recipe = Recipe.load("kws-cnn", ["front_end.hop_length=640", "front_end.coefficients=10"])
    with pytest.raises(ModelError, match=r"layer \d of 7 .*model\.kernels"):
        build_classifier(recipe, ("yes", "no"))


def test_lists_on_the_command_line_are_read_as_they_are_written() -> None:
    lists = ["model.units=128,256", "model.unit_activations=linear,relu"]
    kernels = "model.kernels=(3,3),(5,3),(5,3),(5,3),(5,2),(5,1),(3,1)"
    recipe = Recipe.load("kws-cnn", [*lists, kernels])
    assert recipe.to_dict()["model"]["units"] == [128, 256]
    assert recipe.to_dict()["model"]["kernels"][-1] == [3, 1]
    with pytest.raises(RecipeError, match=r"model\.unit_activations"):
        Recipe.load("kws-cnn", ["model.unit_activations=linear,nonsense"])


def test_nothing_is_converted_through_another_librarys_private_parts() -> None:
    for path in (SOURCES / "export").glob("*.py"):
        assert "keras" not in path.read_text(), path.name


def test_a_file_that_was_never_written_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "non_stream.tflite"
    with pytest.raises(ExportError, match=r"non_stream\.tflite"):
        TfliteRunner(missing)


def test_a_window_of_one_frame_streams_like_any_other() -> None:
    layer, heard = WindowFlatten([4, 3], 1), torch.randn(1, 4, 3, 6)
    session = Session(layer, shape=[4, 3])
    parts = [session.push(heard[..., at : at + 1]) for at in range(6)]
    torch.testing.assert_close(torch.cat(parts, -1), layer(heard))


def test_features_are_of_one_size_in_training_and_ever_after() -> None:
    recipe = Recipe.load("kws-cnn")
    model = build_classifier(recipe, ("yes", "no"))
    assert isinstance(model, StreamingClassifier)
    bins, _ = model.front_end.shape(recipe.data.samples)
    features = model.front_end(torch.zeros(1, 1, recipe.data.samples))
    assert features.shape[1] == bins == 20
