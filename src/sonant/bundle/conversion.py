"""Voice converters in a bundle: built from a recipe, their graph, their golden values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle.contents import Contents, Model, entry
from sonant.errors import ModelError
from sonant.export import conversion
from sonant.models.converter import VoiceConverter
from sonant.models.converters import ConverterConfig, build_converter
from sonant.nn.voice_mel import VoiceMel
from sonant.recipe import Recipe

GOLDEN_PAIRS: Final = 4
"""Conversions kept as golden values."""


def build_voice_converter(recipe: Recipe, labels: Sequence[str] = ()) -> VoiceConverter:
    """The converter a recipe describes, with fresh weights; it knows no labels.

    Raises `ModelError` for a recipe of another task.
    """
    front_end, model = recipe.front_end, recipe.model
    if isinstance(front_end, VoiceMel) and isinstance(model, ConverterConfig):
        return build_converter(front_end, model, rate_hz=recipe.data.rate_hz)
    raise ModelError(f"{recipe.name}: is of {recipe.task}; this asks for a voice converter")


def write(contents: Contents, folder: Path) -> dict[str, object]:
    """The graph, and conversions of real clips as golden values; returns what the card says of the graph.

    Golden are `source` and `target` [pairs, samples], cut to the shortest clip, and `mel`.
    """
    model, path = _converter(contents.model), folder / "graphs" / "convert.onnx"
    worst = conversion.export_converter(model, path, clips=contents.sounds)
    least = model.front_end.config.window_length
    length = max(least, min(len(sound) for sound in contents.sounds))
    source = _fitted(contents.clips, length)[:GOLDEN_PAIRS]
    target = _fitted(contents.clips, length)[::-1][:GOLDEN_PAIRS].copy()
    ready = conversion.exportable_converter(model)
    with torch.no_grad():
        mel = ready(torch.from_numpy(source), torch.from_numpy(target)).numpy()
    np.savez(folder / "golden.npz", source=source, target=target, mel=mel)
    return {"convert": entry(path, worst, takes=conversion.SOURCE, gives=conversion.MEL)}


def rehearse(recipe: Recipe, model: Model, clips: NDArray[np.float32], scratch: Path) -> None:
    """Write the graph that a bundle of the model will have, and hold it to `clips`."""
    conversion.export_converter(_converter(model), scratch / "convert.onnx", clips=list(clips))


def _fitted(clips: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    return np.pad(clips, ((0, 0), (0, max(0, length - clips.shape[1]))))[:, :length].copy()


def _converter(model: Model) -> VoiceConverter:
    assert isinstance(model, VoiceConverter), "the recipe's task names the kind of its model"
    return model
