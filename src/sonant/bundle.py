"""The torch side of a bundle: write it whole or not at all, and rebuild the model from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from sonant import card, whole_file
from sonant.errors import BundleError, ModelError
from sonant.export import embedding, one_hop, onnx, step
from sonant.models import build
from sonant.models.classifier import Classifier, StreamingClassifier
from sonant.models.embedder import SpeakerEmbedder
from sonant.models.embedders import EmbedderConfig, build_embedder
from sonant.nn.frontend import FrontEnd
from sonant.nn.streaming import Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd, streams
from sonant.nn.summary import summarise
from sonant.nn.utterance_config import UtteranceFeatures
from sonant.recipe import Recipe

LIBRARIES = ("sonant", "torch", "numpy", "onnxruntime", "soundfile", "soxr")


Model: TypeAlias = Classifier | SpeakerEmbedder
"""What can be trained, whatever the task."""


def build_classifier(recipe: Recipe, labels: Sequence[str]) -> Classifier:
    """The model a recipe describes, with fresh weights; it streams where all of its parts do.

    Raises `ModelError` where a layer would collapse, and for a recipe of another task.
    """
    front_end, model, rate_hz = recipe.front_end, recipe.model, recipe.data.rate_hz
    if isinstance(front_end, UtteranceFeatures) or isinstance(model, EmbedderConfig):
        raise ModelError(f"{recipe.name}: tells speakers apart; this asks for a model of words")
    whole = FrontEnd(front_end, rate_hz=rate_hz)
    bins, frames = whole.shape(recipe.data.samples)
    network = build(model, bins=bins, frames=frames, labels=len(labels))
    if isinstance(network, Streamable) and streams(front_end) is None:
        return StreamingClassifier(StreamingFrontEnd(front_end, rate_hz=rate_hz), network)
    return Classifier(whole, network)


def build_speaker_model(recipe: Recipe) -> SpeakerEmbedder:
    """The speaker model a recipe describes, with fresh weights; `ModelError` for another task's recipe."""
    front_end, model = recipe.front_end, recipe.model
    if isinstance(front_end, UtteranceFeatures) and isinstance(model, EmbedderConfig):
        return build_embedder(front_end, model, rate_hz=recipe.data.rate_hz)
    raise ModelError(f"{recipe.name}: is of {recipe.task}; this asks for a model of speakers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a bundle."""

    recipe: Recipe
    labels: tuple[str, ...]
    model: Model
    clips: NDArray[np.float32]
    """[batch, samples], real clips on which the graphs are held to the model."""
    lengths: NDArray[np.int64] | None = None
    """[batch], samples of each clip that are sound; None where all are."""
    parameters: int
    macs_per_second: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    data_digest: str = ""
    licence: str = ""
    parent: str | None = None


def save(contents: Contents, root: Path) -> Path:
    """Write `root/<name>/<version>/` with the next free version number; returns its path.

    Everything is made and checked in a folder beside it, which is then renamed.
    """
    home = root / contents.recipe.name
    home.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=home, prefix=".writing-"))
    try:
        graphs = _write_files(contents, scratch)
        version = 1 + max((int(p.name) for p in home.iterdir() if p.name.isdigit()), default=0)
        card.write_card(scratch, _card(contents, version=version, graphs=graphs))
        scratch.chmod(0o755)
        return scratch.rename(home / str(version))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_files(contents: Contents, folder: Path) -> dict[str, object]:
    """Weights, graphs and golden values; returns what the card says of the graphs."""
    model = contents.model
    weights = {n: tensor.detach().cpu().contiguous() for n, tensor in model.state_dict().items()}
    with whole_file.beside(folder / "weights.safetensors") as file:
        save_file(weights, file)
    (folder / "graphs").mkdir()
    if isinstance(model, SpeakerEmbedder):
        return _speaker_files(contents, model, folder)
    graphs: dict[str, object] = {"whole": _whole_graph(contents, folder)}
    if isinstance(model, StreamingClassifier):
        graphs |= _stream_graphs(contents, model, folder)
    with torch.no_grad():
        probabilities = onnx.exportable(model)(torch.from_numpy(contents.clips)).numpy()
    np.savez(folder / "golden.npz", samples=contents.clips, probabilities=probabilities)
    return graphs


def _speaker_files(contents: Contents, model: SpeakerEmbedder, folder: Path) -> dict[str, object]:
    """The graph of a speaker model, and its embeddings of real clips, as golden values."""
    path, clips = folder / "graphs" / "embed.onnx", contents.clips
    lengths = contents.lengths
    if lengths is None:
        lengths = np.full(len(clips), clips.shape[1], np.int64)
    sounds = [clip[:length] for clip, length in zip(clips, lengths, strict=True)]
    worst = embedding.export_embedding(model, path, clips=sounds)
    ready = embedding.exportable_embedder(model)
    with torch.no_grad():
        found, _ = ready(torch.from_numpy(clips), torch.from_numpy(lengths))
    np.savez(folder / "golden.npz", samples=clips, lengths=lengths, embeddings=found.numpy())
    return {"embed": _entry(path, worst) | {"output": embedding.EMBEDDING}}


def _whole_graph(contents: Contents, folder: Path) -> dict[str, object]:
    path = folder / "graphs" / "whole.onnx"
    onnx.export_whole(contents.model, path, samples=contents.recipe.data.samples)
    return _entry(path, onnx.difference(contents.model, path, contents.clips))


def _stream_graphs(
    contents: Contents, model: StreamingClassifier, folder: Path
) -> dict[str, object]:
    """For steps of any length, and where that is faster another for steps of one hop."""
    path, stream, data = folder / "graphs" / "stream.onnx", model.stream, contents.recipe.data
    # On whole hops a stream costs what a clip of the same length does, with nothing left over.
    hops = max(1, round(data.samples / int(stream.hop)))
    example = torch.zeros(1, 1, hops * int(stream.hop))
    summary = summarise(stream, example, clip_s=example.shape[-1] / data.rate_hz)
    spec = step.specification(stream, macs_per_second=summary.macs_per_second)
    said: dict[str, object] = {"stream": asdict(spec)}
    fixed = step.export_step(stream, path)
    found: dict[str, object] = {
        "stream": _entry(path, step.difference(stream, path, contents.clips)) | said
    }
    short = path.with_name("step.onnx")
    plain = path if fixed == 1 else None
    worst = one_hop.export_one_hop(stream, short, contents.clips, plain=plain)
    if worst is not None:
        found["step"] = _entry(short, worst) | said
    return found


def _entry(path: Path, difference: float) -> dict[str, object]:
    return {
        "file": f"graphs/{path.name}",
        "input": onnx.INPUT,
        "output": onnx.OUTPUT,
        "max_difference": difference,
    }


def _card(contents: Contents, *, version: int, graphs: Mapping[str, object]) -> dict[str, object]:
    recipe = contents.recipe
    return {
        "format": card.FORMAT,
        "name": recipe.name,
        "version": version,
        "task": recipe.task,
        "labels": list(contents.labels),
        "audio": {
            "rate_hz": recipe.data.rate_hz,
            "samples": recipe.data.samples,
            "pad": recipe.data.pad,
            "crop": recipe.data.crop,
        },
        "graphs": graphs,
        "model": {
            "name": recipe.to_dict()["model"]["name"],
            "parameters": contents.parameters,
            "macs_per_second": contents.macs_per_second,
        },
        "metrics": dict(contents.metrics),
        "recipe": recipe.to_dict(),
        "operating_point": None,
        "licence": contents.licence,
        "provenance": {
            "code": code_version(),
            "data": contents.data_digest,
            "versions": versions(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "parent": contents.parent,
        },
    }


def load_classifier(path: Path) -> Classifier:
    """Rebuild the model of a bundle with its weights, in evaluation mode; every file's hash is checked."""
    found = card.Card.read(card.find(path))
    recipe = Recipe.from_dict(found.recipe)
    model = build_classifier(recipe, found.labels)
    load_weights(model, found.path / "weights.safetensors")
    return model.eval()


def load_embedder(path: Path) -> SpeakerEmbedder:
    """Rebuild the speaker model of a bundle, as `load_classifier` does with those of words."""
    found = card.Card.read(card.find(path))
    model = build_speaker_model(Recipe.from_dict(found.recipe))
    load_weights(model, found.path / "weights.safetensors")
    return model.eval()


def load_weights(model: torch.nn.Module, path: Path) -> None:
    """Load a safetensors file strictly; raises `BundleError` naming the tensors that do not fit."""
    given: dict[str, Tensor] = load_file(path)
    wanted = model.state_dict()
    wrong = sorted(
        name
        for name in given.keys() | wanted.keys()
        if name not in given or name not in wanted or given[name].shape != wanted[name].shape
    )
    if wrong:
        raise BundleError(
            f"{path}: these weights are of another model; {len(wrong)} tensors do not fit, "
            f"as {', '.join(wrong[:3])}"
        )
    model.load_state_dict(given)


def versions() -> dict[str, str]:
    """What a result was made with."""
    found = {"python": sys.version.split()[0]}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "absent"
    return found


def code_version() -> str:
    """The package's version, and the commit where it runs from a checkout of its own."""
    version = versions()["sonant"]
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return version
    describe = ["git", "-C", str(root), "describe", "--always", "--dirty=+dirty"]
    try:
        commit = subprocess.run(describe, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version} {commit.stdout.strip()}"
