"""A speaker bundle that streams, of a small network that never was trained: its graphs are a real model's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from bundles import write_bundle
from small_embedders import small_embedder
from sonant.audio import Samples
from sonant.card import Card
from sonant.card.revision import revise
from sonant.export.embedding import EMBEDDING, export_embedding
from sonant.export.one_hop import export_one_hop
from sonant.export.onnx import INPUT
from sonant.export.step import export_step, specification
from sonant.models.embedder import StreamingSpeakerEmbedder

HOP: Final = 160


def write_voice_stream(root: Path) -> Path:
    """The folder of a bundle with the graphs `embed`, `stream` and `step`."""
    embedder = small_embedder("tdnn_stream")
    assert isinstance(embedder, StreamingSpeakerEmbedder)
    root.mkdir(parents=True, exist_ok=True)
    whole, stream, short = (root / name for name in ("embed.onnx", "stream.onnx", "step.onnx"))
    export_embedding(embedder, whole)
    export_step(embedder.stream, stream)
    export_one_hop(embedder.stream, short, rising(2.0).reshape(2, -1))
    entry: dict[str, Any] = {"input": INPUT, "output": EMBEDDING, "max_difference": 1e-5}
    embed = {"embed": {"file": "graphs/whole.onnx", **entry}}
    changes = {"task": "speakers", "labels": [], "graphs": embed}
    first = write_bundle(root, name="talking", changes=changes, graph=onnx.load(whole))
    spec = asdict(specification(embedder.stream, macs_per_second=1e5))
    entry["stream"] = {**spec, "states": [{**s, "shape": list(s["shape"])} for s in spec["states"]]}
    graphs = {
        **embed,
        "stream": {"file": "graphs/stream.onnx", **entry},
        "step": {"file": "graphs/step.onnx", **entry},
    }
    files = {"graphs/stream.onnx": stream, "graphs/step.onnx": short}
    return revise(Card.read(first), files=files, changes={"graphs": graphs})


def rising(seconds: float, *, seed: int = 0) -> Samples:
    """[samples] of noise that grows louder and duller, at 16 kHz."""
    noise = np.random.default_rng(seed).standard_normal(round(16_000 * seconds))
    dull = np.cumsum(noise) - np.linspace(0, noise.sum(), len(noise))
    swell = np.linspace(0.01, 0.1, len(noise))
    return (swell * (noise + 0.02 * swell * dull)).astype(np.float32)
