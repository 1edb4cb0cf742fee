"""Vocoders in a bundle: built from a recipe, their graph, their golden values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle.contents import Contents, Model, entry
from sonant.errors import ModelError
from sonant.export import vocoder as graph
from sonant.export import vocoder_step
from sonant.models.vocoders import Vocoder, VocoderConfig, build_vocoder
from sonant.nn.voice_mel import VoiceMel
from sonant.recipe import Recipe


def build_vocoder_model(recipe: Recipe, labels: Sequence[str] = ()) -> Vocoder:
    """The vocoder a recipe describes, with fresh weights; it knows no labels.

    Raises `ModelError` for a recipe of another task.
    """
    front_end, model = recipe.front_end, recipe.model
    if isinstance(front_end, VoiceMel) and isinstance(model, VocoderConfig):
        return build_vocoder(front_end, model, rate_hz=recipe.data.rate_hz)
    raise ModelError(f"{recipe.name}: is of {recipe.task}; this asks for a vocoder")


def write(contents: Contents, folder: Path) -> dict[str, object]:
    """The whole graph and the steps, and sound of real speech as golden values; returns what the card says.

    Golden are `mel` [clips, mels, frames] and `samples` [clips, frames x hop].
    """
    model, path = _vocoder(contents.model), folder / "graphs" / "vocoder.onnx"
    worst = graph.export_vocoder(model, path, clips=contents.sounds)
    mel = np.concatenate([graph.mel_of(model, clip) for clip in contents.clips])
    with torch.no_grad():
        samples = graph.exportable_vocoder(model)(torch.from_numpy(mel)).numpy()
    np.savez(folder / "golden.npz", mel=mel, samples=samples)
    whole = entry(path, worst, takes=graph.MEL, gives=graph.SAMPLES)
    steps = path.with_name("vocoder_stream.onnx")
    worst = vocoder_step.export_vocoder_step(model, steps, clips=[mel])
    spec = vocoder_step.vocoder_specification(model, macs_per_second=contents.macs_per_second)
    said = {**entry(steps, worst, takes=graph.MEL, gives=graph.SAMPLES), "stream": asdict(spec)}
    return {"vocoder": whole, steps.stem: said}


def rehearse(recipe: Recipe, model: Model, clips: NDArray[np.float32], scratch: Path) -> None:
    """Write the whole graph that a bundle of the model will have, and hold it to `clips`.

    The steps are the same layers, and tracing them takes as long again.
    """
    graph.export_vocoder(_vocoder(model), scratch / "vocoder.onnx", clips=list(clips))


def _vocoder(model: Model) -> Vocoder:
    assert isinstance(model, Vocoder), "the recipe's task names the kind of its model"
    return model
