"""Models of voices in a bundle: built from a recipe, their graphs, their golden values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle.contents import Contents, Model, entry
from sonant.bundle.streams import rehearse_stream, write_stream
from sonant.errors import ModelError
from sonant.export import embedding
from sonant.models.embedder import SpeakerEmbedder, StreamingSpeakerEmbedder
from sonant.models.embedders import EmbedderConfig, build_embedder
from sonant.nn.utterance_config import UtteranceFeatures
from sonant.recipe import Recipe


def build_speaker_model(recipe: Recipe, labels: Sequence[str] = ()) -> SpeakerEmbedder:
    """The speaker model a recipe describes, with fresh weights; it knows no labels.

    Raises `ModelError` for a recipe of another task.
    """
    front_end, model = recipe.front_end, recipe.model
    if isinstance(front_end, UtteranceFeatures) and isinstance(model, EmbedderConfig):
        return build_embedder(front_end, model, rate_hz=recipe.data.rate_hz)
    raise ModelError(f"{recipe.name}: is of {recipe.task}; this asks for a model of speakers")


def write(contents: Contents, folder: Path) -> dict[str, object]:
    """Graphs, and embeddings of real clips as golden values; returns what the card says of the graphs."""
    model, clips, lengths = _embedder(contents.model), contents.clips, contents.lengths
    path = folder / "graphs" / "embed.onnx"
    if lengths is None:
        lengths = np.full(len(clips), clips.shape[1], np.int64)
    worst = embedding.export_embedding(model, path, clips=contents.sounds)
    ready = embedding.exportable_embedder(model)
    with torch.no_grad():
        found, _ = ready(torch.from_numpy(clips), torch.from_numpy(lengths))
    np.savez(folder / "golden.npz", samples=clips, lengths=lengths, embeddings=found.numpy())
    graphs: dict[str, object] = {"embed": entry(path, worst, gives=embedding.EMBEDDING)}
    if isinstance(model, StreamingSpeakerEmbedder):
        graphs |= write_stream(contents, model.stream, folder)
    return graphs


def rehearse(recipe: Recipe, model: Model, clips: NDArray[np.float32], scratch: Path) -> None:
    """Write every graph that a bundle of the model will have, and hold it to `clips`."""
    embedder = _embedder(model)
    embedding.export_embedding(embedder, scratch / "embed.onnx", clips=list(clips))
    if isinstance(embedder, StreamingSpeakerEmbedder):
        rehearse_stream(embedder.stream, clips, scratch)


def _embedder(model: Model) -> SpeakerEmbedder:
    assert isinstance(model, SpeakerEmbedder), "the recipe's task names the kind of its model"
    return model
