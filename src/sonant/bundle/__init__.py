"""The torch side of a bundle: write it whole or not at all, and rebuild the model from it.

A new task is a file with its builder, its graphs and its golden values, and a row in `KINDS`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from sonant import card, whole_file
from sonant.bundle import conversion, keywords, speakers, spoofing, vocoding
from sonant.bundle.contents import Contents, Model
from sonant.bundle.conversion import build_voice_converter
from sonant.bundle.keywords import build_classifier
from sonant.bundle.provenance import code_version, versions
from sonant.bundle.speakers import build_speaker_model
from sonant.bundle.spoofing import build_spoof_detector
from sonant.bundle.vocoding import build_vocoder_model
from sonant.errors import BundleError
from sonant.models.classifier import Classifier
from sonant.models.converter import VoiceConverter
from sonant.models.detector import SpoofDetector
from sonant.models.embedder import SpeakerEmbedder
from sonant.models.vocoders import Vocoder
from sonant.recipe import Recipe
from sonant.recipe.one_task import TaskName

__all__ = [
    "KINDS",
    "Contents",
    "Kind",
    "Model",
    "build_classifier",
    "build_speaker_model",
    "build_spoof_detector",
    "build_vocoder_model",
    "build_voice_converter",
    "code_version",
    "load_classifier",
    "load_detector",
    "load_embedder",
    "load_vocoder",
    "load_voice_converter",
    "load_weights",
    "save",
    "versions",
]


class Kind(NamedTuple):
    """What a bundle of a task is made by."""

    build: Callable[[Recipe, Sequence[str]], Model]
    """Recipe and labels -> the model, with fresh weights."""
    write: Callable[[Contents, Path], dict[str, object]]
    """Writes graphs and golden values into a folder; returns what the card says of the graphs."""
    rehearse: Callable[[Recipe, Model, NDArray[np.float32], Path], None]
    """Writes all graphs into a folder and holds them to clips [clips, samples], before a training."""


KINDS: Final[dict[TaskName, Kind]] = {
    "keywords": Kind(build_classifier, keywords.write, keywords.rehearse),
    "speakers": Kind(build_speaker_model, speakers.write, speakers.rehearse),
    "conversion": Kind(build_voice_converter, conversion.write, conversion.rehearse),
    "vocoding": Kind(build_vocoder_model, vocoding.write, vocoding.rehearse),
    "spoofing": Kind(build_spoof_detector, spoofing.write, spoofing.rehearse),
}
"""Bundles by the task of their recipe."""


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
    state = contents.model.state_dict()
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with whole_file.beside(folder / "weights.safetensors") as file:
        save_file(weights, file)
    (folder / "graphs").mkdir()
    return KINDS[contents.recipe.task].write(contents, folder)


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


def load_voice_converter(path: Path) -> VoiceConverter:
    """Rebuild the voice converter of a bundle, as `load_classifier` does with models of words."""
    found = card.Card.read(card.find(path))
    model = build_voice_converter(Recipe.from_dict(found.recipe))
    load_weights(model, found.path / "weights.safetensors")
    return model.eval()


def load_vocoder(path: Path) -> Vocoder:
    """Rebuild the vocoder of a bundle, as `load_classifier` does with models of words."""
    found = card.Card.read(card.find(path))
    model = build_vocoder_model(Recipe.from_dict(found.recipe))
    load_weights(model, found.path / "weights.safetensors")
    return model.eval()


def load_detector(path: Path) -> SpoofDetector:
    """Rebuild the spoof detector of a bundle, as `load_classifier` does with models of words."""
    found = card.Card.read(card.find(path))
    model = build_spoof_detector(Recipe.from_dict(found.recipe))
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
