"""A bundle is written whole or not at all, and gives back the model that went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sonant import card
from sonant.bundle import Contents, build_classifier, load_classifier, load_weights, save
from sonant.errors import BundleError, ExportError
from sonant.export import onnx
from sonant.models.classifier import Classifier
from sonant.recipe import Recipe
from sonant.runtime.graph import WholeGraph, check_golden
from words import SMALL

LABELS = ("high", "low", "noise")


@pytest.fixture(scope="module")
def contents() -> Contents:
    torch.manual_seed(0)
    model = build_classifier(Recipe.load(SMALL), LABELS)
    clips = np.random.default_rng(0).uniform(-1, 1, (4, 1000)).astype(np.float32)
    return Contents(
        recipe=Recipe.load(SMALL),
        labels=LABELS,
        model=model,
        clips=clips,
        parameters=123,
        macs_per_second=4.5e6,
        metrics={"validation_accuracy": 0.5},
        data_digest="abc",
    )


@pytest.fixture(scope="module")
def saved(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(contents, tmp_path_factory.mktemp("bundles"))


def test_its_place_is_name_and_version(saved: Path) -> None:
    assert saved.parts[-2:] == ("small", "1")
    assert {str(p.relative_to(saved)) for p in saved.rglob("*") if p.is_file()} == {
        "bundle.json", "weights.safetensors", "golden.npz", "graphs/whole.onnx",
    }  # fmt: skip


def test_the_card_tells_everything_without_torch(saved: Path, contents: Contents) -> None:
    found = card.Card.read(saved)
    assert found.labels == LABELS
    assert (found.audio.rate_hz, found.audio.samples) == (4000, 1000)
    assert (found.model.name, found.model.parameters) == ("spectrogram_cnn", 123)
    assert Recipe.from_dict(found.recipe) == contents.recipe
    assert found.graphs["whole"].max_difference <= onnx.TOLERANCE
    assert found.provenance.data == "abc"
    assert found.provenance.versions["torch"] == torch.__version__


def test_model_graph_and_golden_values_agree(saved: Path, contents: Contents) -> None:
    found = card.Card.read(saved)
    assert check_golden(found) < 1e-5
    with torch.no_grad():
        logits = load_classifier(saved)(torch.from_numpy(contents.clips))
    graph = WholeGraph(found).probabilities(contents.clips)
    np.testing.assert_allclose(torch.softmax(logits, 1).numpy(), graph, atol=1e-5)


def test_a_second_one_is_the_next_version(contents: Contents, tmp_path: Path) -> None:
    (tmp_path / "small" / "7").mkdir(parents=True)
    assert save(contents, tmp_path).name == "8"


def test_a_graph_that_differs_leaves_nothing_behind(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differ(*args: object) -> float:
        raise ExportError("differs")

    monkeypatch.setattr(onnx, "difference", differ)
    with pytest.raises(ExportError):
        save(contents, tmp_path)
    assert list((tmp_path / "small").iterdir()) == []


def test_weights_of_another_model_are_refused_by_name(saved: Path, tmp_path: Path) -> None:
    weights = load_file(saved / "weights.safetensors")
    name = next(iter(weights))
    weights[f"{name}.extra"] = weights.pop(name)
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(BundleError, match="2 tensors do not fit") as raised:
        load_weights(load_classifier(saved), tmp_path / "other.safetensors")
    assert name in str(raised.value)


def test_one_altered_byte_is_noticed(contents: Contents, tmp_path: Path) -> None:
    bundle = save(contents, tmp_path)
    file = bundle / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=r"weights\.safetensors"):
        load_classifier(bundle)


def test_the_front_end_is_the_first_layer(contents: Contents) -> None:
    assert isinstance(contents.model, Classifier)
    assert next(name for name, _ in contents.model.named_children()) == "front_end"
