"""Models of words in a bundle: built from a recipe, their graphs, their golden values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle.contents import Contents, Model, entry
from sonant.bundle.streams import rehearse_stream, write_stream
from sonant.errors import ModelError
from sonant.export import onnx
from sonant.models import ModelConfig, build
from sonant.models.classifier import Classifier, StreamingClassifier
from sonant.nn.frontend import FrontEnd, FrontEndConfig
from sonant.nn.streaming import Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd, streams
from sonant.recipe import Recipe


def build_classifier(recipe: Recipe, labels: Sequence[str]) -> Classifier:
    """The model a recipe describes, with fresh weights; it streams where all of its parts do.

    Raises `ModelError` where a layer would collapse, and for a recipe of another task.
    """
    front_end, model, rate_hz = recipe.front_end, recipe.model, recipe.data.rate_hz
    if not isinstance(front_end, FrontEndConfig) or not isinstance(model, ModelConfig):
        raise ModelError(f"{recipe.name}: is of {recipe.task}; this asks for a model of words")
    whole = FrontEnd(front_end, rate_hz=rate_hz)
    bins, frames = whole.shape(recipe.data.samples)
    network = build(model, bins=bins, frames=frames, labels=len(labels))
    if isinstance(network, Streamable) and streams(front_end) is None:
        return StreamingClassifier(StreamingFrontEnd(front_end, rate_hz=rate_hz), network)
    return Classifier(whole, network)


def write(contents: Contents, folder: Path) -> dict[str, object]:
    """Graphs and golden values; returns what the card says of the graphs."""
    model = _classifier(contents.model)
    graphs: dict[str, object] = {"whole": _whole_graph(contents, model, folder)}
    if isinstance(model, StreamingClassifier):
        graphs |= write_stream(contents, model.stream, folder)
    with torch.no_grad():
        probabilities = onnx.exportable(model)(torch.from_numpy(contents.clips)).numpy()
    np.savez(folder / "golden.npz", samples=contents.clips, probabilities=probabilities)
    return graphs


def rehearse(recipe: Recipe, model: Model, clips: NDArray[np.float32], scratch: Path) -> None:
    """Write every graph that a bundle of the model will have, and hold it to `clips`."""
    classifier = _classifier(model)
    onnx.export_whole(classifier, scratch / "whole.onnx", samples=recipe.data.samples)
    onnx.difference(classifier, scratch / "whole.onnx", clips)
    if isinstance(classifier, StreamingClassifier):
        rehearse_stream(classifier.stream, clips, scratch)


def _classifier(model: Model) -> Classifier:
    assert isinstance(model, Classifier), "the recipe's task names the kind of its model"
    return model


def _whole_graph(contents: Contents, model: Classifier, folder: Path) -> dict[str, object]:
    path = folder / "graphs" / "whole.onnx"
    onnx.export_whole(model, path, samples=contents.recipe.data.samples)
    return entry(path, onnx.difference(model, path, contents.clips))
