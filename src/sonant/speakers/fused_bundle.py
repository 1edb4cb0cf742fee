"""The bundle of a fusion: one graph made of those of its parts, proved equal to them. No torch."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from sonant.audio import Samples
from sonant.card import FILE, GOLDEN, Card, write_card
from sonant.errors import BundleError, ExportError
from sonant.runtime.graph import ERRORS_ONLY
from sonant.speakers.embedding import EMBED, LENGTHS
from sonant.speakers.merging import EMBEDDING, SAMPLES, Part, merged
from sonant.speakers.model import TASK, SpeakerModel

GRAPH: Final = "graphs/embed.onnx"
TOLERANCE: Final = 1e-5
"""Largest difference of a value of an embedding between the fused graph and its parts."""
MOST_GOLDEN: Final = 4
"""Clips that a bundle keeps to be checked by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """What a fused bundle is made of."""

    name: str
    models: Mapping[str, SpeakerModel]
    weights: Mapping[str, float]
    """Of each model, above 0; they sum to 1."""
    how: str
    """How the weights came about: `learned`, `equal` or `given`."""
    norms: Mapping[str, float]
    """An ordinary `norm` of each model; 1 where it has none."""
    trials: str = ""
    """Digest of the trials that the weights were learned on; empty where they were not."""
    metrics: Mapping[str, float]


def write(fusion: Fusion, root: Path, *, clips: Sequence[Samples] = ()) -> Path:
    """Write `root/<name>/<version>/` with the next free version number; returns its path.

    The graph is held to its parts on `clips`, each [samples] at their rate, and on the golden clips of the
    parts. Raises `ExportError` where the two differ by more than `TOLERANCE`, and `BundleError` as `merged`.
    """
    home = root / fusion.name
    home.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=home, prefix=".writing-"))
    try:
        (scratch / GRAPH).parent.mkdir()
        onnx.save(merged(_parts(fusion)), str(scratch / GRAPH))
        sounds = [*_golden(fusion), *clips]
        if not sounds:
            raise BundleError(
                f"{fusion.name}: none of its parts keeps clips to prove it by; name some with --data"
            )
        graph = _Graph(scratch / GRAPH, given=SAMPLES, wanted=EMBEDDING)
        worst = _difference(fusion, graph, sounds)
        samples, lengths = _batch(sounds[:MOST_GOLDEN])
        embeddings = graph.run(samples, lengths)
        np.savez(scratch / GOLDEN, samples=samples, lengths=lengths, embeddings=embeddings)
        version = 1 + max((int(p.name) for p in home.iterdir() if p.name.isdecimal()), default=0)
        write_card(scratch, _card(fusion, version=version, difference=worst))
        scratch.chmod(0o755)
        return scratch.rename(home / str(version))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _parts(fusion: Fusion) -> list[Part]:
    found = []
    for name, model in fusion.models.items():
        card, spec = model.card, model.card.graphs[EMBED]
        found.append(
            Part(
                file=card.file(spec.file),
                input=spec.input,
                output=spec.output,
                weight=fusion.weights[name],
                norm=fusion.norms[name],
            )
        )
    return found


def _golden(fusion: Fusion) -> list[Samples]:
    """The clips that the parts keep."""
    found: list[Samples] = []
    for model in fusion.models.values():
        if GOLDEN not in model.card.files:
            continue
        with np.load(model.card.file(GOLDEN), allow_pickle=False) as kept:
            if LENGTHS in kept.files:
                rows = zip(kept[SAMPLES], kept[LENGTHS], strict=True)
                found += [row[:length] for row, length in rows]
    return found


def _difference(fusion: Fusion, graph: _Graph, clips: Sequence[Samples]) -> float:
    """How far the graph is from its parts, on clips in one batch and one by one."""
    parts = [
        (part.weight, _Graph(part.file, given=part.input, wanted=part.output))
        for part in _parts(fusion)
    ]
    worst = 0.0
    for group in (clips, *([clip] for clip in clips)):
        sounds = _batch(group)
        wanted = [np.sqrt(weight) * part.run(*sounds) for weight, part in parts]
        found = graph.run(*sounds) - np.concatenate(wanted, axis=1)
        # Not `max`: it takes what is no number for the smaller one.
        worst = float(np.maximum(worst, np.abs(found).max()))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{fusion.name}: the fused graph differs from its parts by {worst:.2g} on {len(clips)} clips "
            f"(allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def _batch(clips: Sequence[Samples]) -> tuple[Samples, NDArray[np.int64]]:
    """Clips [samples] of any length as [batch, n] with silence behind, and their lengths [batch]."""
    lengths = np.array([len(clip) for clip in clips], np.int64)
    samples = np.zeros((len(clips), int(lengths.max())), np.float32)
    for row, clip in zip(samples, clips, strict=True):
        row[: len(clip)] = clip
    return samples, lengths


@final
class _Graph:
    """A graph by itself, on one thread."""

    def __init__(self, file: Path, *, given: str, wanted: str) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(file), options, providers=providers)
        self._given, self._wanted = given, wanted

    def run(self, samples: Samples, lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        """[batch, n] and lengths [batch] -> embeddings [batch, size]."""
        feeds = {self._given: samples, LENGTHS: lengths}
        (found,) = self._session.run([self._wanted], feeds)
        return np.asarray(found, np.float32)


def _card(fusion: Fusion, *, version: int, difference: float) -> dict[str, Any]:
    cards = [model.card for model in fusion.models.values()]
    first = cards[0]
    return {
        "name": fusion.name,
        "version": version,
        "task": TASK,
        "labels": [],
        "audio": {**asdict(first.audio), "samples": max(card.audio.samples for card in cards)},
        "graphs": {
            EMBED: {
                "file": GRAPH,
                "input": SAMPLES,
                "output": EMBEDDING,
                "max_difference": difference,
            }
        },
        "model": {
            "name": "fusion",
            "parameters": sum(card.model.parameters for card in cards),
            "macs_per_second": sum(card.model.macs_per_second for card in cards),
        },
        "metrics": dict(fusion.metrics),
        "recipe": _recipe(fusion, first),
        "operating_point": None,
        "licence": "; ".join(dict.fromkeys(card.licence for card in cards if card.licence)),
        "provenance": {
            "code": metadata.version("sonant"),
            "data": " + ".join(dict.fromkeys(card.provenance.data for card in cards)),
            "versions": {**first.provenance.versions, "onnx": onnx.__version__},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "parent": " + ".join(fusion.models),
        },
    }


def _recipe(fusion: Fusion, first: Card) -> dict[str, Any]:
    """What the bundle was made of; its data is split as that of the first part."""
    return {
        "name": fusion.name,
        "about": f"the fusion of {', '.join(fusion.models)}, weights {fusion.how}",
        "task": TASK,
        "seed": first.recipe.get("seed", 0),
        "data": first.recipe.get("data", {}),
        "fusion": {
            "weights": fusion.how,
            "trials": fusion.trials,
            "parts": [
                {
                    "bundle": name,
                    "card_sha256": hashlib.sha256(
                        (model.card.path / FILE).read_bytes()
                    ).hexdigest(),
                    "graph_sha256": model.digest,
                    "weight": fusion.weights[name],
                    "norm": fusion.norms[name],
                }
                for name, model in fusion.models.items()
            ],
        },
    }
