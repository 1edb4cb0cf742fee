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

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from sonant import card, whole_file
from sonant.errors import BundleError
from sonant.export import onnx, step
from sonant.models import build
from sonant.models.classifier import Classifier, StreamingClassifier
from sonant.nn.frontend import FrontEnd
from sonant.nn.streaming import Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd, streams
from sonant.nn.summary import summarise
from sonant.recipe import Recipe

LIBRARIES = ("sonant", "torch", "numpy", "onnxruntime", "soundfile", "soxr")


def build_classifier(recipe: Recipe, labels: Sequence[str]) -> Classifier:
    """The model a recipe describes, with fresh weights; it streams where all of its parts do.

    Raises `ModelError` where a layer would collapse.
    """
    whole = FrontEnd(recipe.front_end, rate_hz=recipe.data.rate_hz)
    bins, frames = whole.shape(recipe.data.samples)
    network = build(recipe.model, bins=bins, frames=frames, labels=len(labels))
    if isinstance(network, Streamable) and streams(recipe.front_end) is None:
        front_end = StreamingFrontEnd(recipe.front_end, rate_hz=recipe.data.rate_hz)
        return StreamingClassifier(front_end, network)
    return Classifier(whole, network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a bundle."""

    recipe: Recipe
    labels: tuple[str, ...]
    model: Classifier
    clips: NDArray[np.float32]
    """[batch, samples], real clips on which the graphs are held to the model."""
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
    weights = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in contents.model.state_dict().items()
    }
    with whole_file.beside(folder / "weights.safetensors") as file:
        save_file(weights, file)
    (folder / "graphs").mkdir()
    graphs: dict[str, object] = {"whole": _whole_graph(contents, folder)}
    if isinstance(contents.model, StreamingClassifier):
        graphs["stream"] = _stream_graph(contents, contents.model, folder)
    with torch.no_grad():
        probabilities = onnx.exportable(contents.model)(torch.from_numpy(contents.clips)).numpy()
    np.savez(folder / "golden.npz", samples=contents.clips, probabilities=probabilities)
    return graphs


def _whole_graph(contents: Contents, folder: Path) -> dict[str, object]:
    path = folder / "graphs" / "whole.onnx"
    onnx.export_whole(contents.model, path, samples=contents.recipe.data.samples)
    return _entry(path, onnx.difference(contents.model, path, contents.clips))


def _stream_graph(
    contents: Contents, model: StreamingClassifier, folder: Path
) -> dict[str, object]:
    path, stream, data = folder / "graphs" / "stream.onnx", model.stream, contents.recipe.data
    # On whole hops a stream costs what a clip of the same length does, with nothing left over.
    hops = max(1, round(data.samples / int(stream.hop)))
    example = torch.zeros(1, 1, hops * int(stream.hop))
    summary = summarise(stream, example, clip_s=example.shape[-1] / data.rate_hz)
    step.export_step(stream, path)
    entry = _entry(path, step.difference(stream, path, contents.clips))
    return entry | {
        "stream": asdict(step.specification(stream, macs_per_second=summary.macs_per_second))
    }


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
