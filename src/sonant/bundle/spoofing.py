"""Spoof detectors in a bundle: built from a recipe, their graph, their golden values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle.contents import Contents, Model, entry
from sonant.errors import ModelError
from sonant.export import detector as graph
from sonant.models.detector import SpoofDetector
from sonant.models.detectors import DetectorConfig, build_detector
from sonant.nn.spoof_features_config import SpoofFeatures
from sonant.recipe import Recipe


def build_spoof_detector(recipe: Recipe, labels: Sequence[str] = ()) -> SpoofDetector:
    """The detector a recipe describes, with fresh weights; its labels are always the same two.

    Raises `ModelError` for a recipe of another task.
    """
    front_end, model, data = recipe.front_end, recipe.model, recipe.data
    if isinstance(front_end, SpoofFeatures) and isinstance(model, DetectorConfig):
        return build_detector(front_end, model, rate_hz=data.rate_hz, samples=data.samples)
    raise ModelError(f"{recipe.name}: is of {recipe.task}; this asks for a spoof detector")


def write(contents: Contents, folder: Path) -> dict[str, object]:
    """The graph, and answers to real clips as golden values; returns what the card says of the graph."""
    model, path = _detector(contents.model), folder / "graphs" / "whole.onnx"
    worst = graph.export_detector(model, path, clips=contents.sounds)
    with torch.no_grad():
        found = graph.exportable_detector(model)(torch.from_numpy(contents.clips)).numpy()
    np.savez(folder / "golden.npz", samples=contents.clips, probabilities=found)
    return {"whole": entry(path, worst)}


def rehearse(recipe: Recipe, model: Model, clips: NDArray[np.float32], scratch: Path) -> None:
    """Write the graph that a bundle of the model will have, and hold it to `clips`."""
    graph.export_detector(_detector(model), scratch / "whole.onnx", clips=list(clips))


def _detector(model: Model) -> SpoofDetector:
    assert isinstance(model, SpoofDetector), "the recipe's task names the kind of its model"
    return model
