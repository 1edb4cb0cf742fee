"""A bundle made without training or torch: its graph measures how much of a tone is in a clip.

`high`, `low` and `mid` are tones; a clip of one is recognised with certainty, and digital silence
is none of them more than another. The stored answers are worked out by numpy, not by the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sonant.audio import Samples
from sonant.card import write_card

RATE_HZ = 16_000
SAMPLES = 16_000
TONES_HZ = {"high": 2000.0, "low": 300.0, "mid": 900.0}
CERTAINTY = 1e-4
"""From the energy of a tone to its logit."""


def tone(label: str, *, rate_hz: int = RATE_HZ, seconds: float = 1.0) -> Samples:
    """[samples] of the tone that is recognised as `label`."""
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    return (0.1 * np.sin(2 * np.pi * TONES_HZ[label] * time_s)).astype(np.float32)


def write_tone(path: Path, label: str, *, rate_hz: int = RATE_HZ, seconds: float = 1.0) -> Path:
    """An audio file that is recognised as `label`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(label, rate_hz=rate_hz, seconds=seconds), rate_hz)
    return path


def write_bundle(
    root: Path,
    *,
    name: str = "tones",
    version: int = 1,
    labels: Sequence[str] = tuple(TONES_HZ),
    changes: Mapping[str, Any] | None = None,
    graph: onnx.ModelProto | None = None,
) -> Path:
    """Write `root/<name>/<version>/` and return it; `changes` replaces keys of the card."""
    folder = root / name / str(version)
    (folder / "graphs").mkdir(parents=True)
    onnx.save(graph or tone_graph(labels), folder / "graphs" / "whole.onnx")
    (folder / "weights.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    clips = np.stack([tone(label) for label in labels] + [np.zeros(SAMPLES, np.float32)])
    np.savez(folder / "golden.npz", samples=clips, probabilities=answers(clips, labels))
    write_card(folder, {**card_values(name, version, labels), **(changes or {})})
    return folder


def card_values(name: str, version: int, labels: Sequence[str]) -> dict[str, Any]:
    """bundle.json without its files."""
    return {
        "format": 1,
        "name": name,
        "version": version,
        "task": "keywords",
        "labels": list(labels),
        "audio": {"rate_hz": RATE_HZ, "samples": SAMPLES, "pad": "end", "crop": "start"},
        "graphs": {
            "whole": {
                "file": "graphs/whole.onnx",
                "input": "samples",
                "output": "probabilities",
                "max_difference": 1e-6,
            }
        },
        "model": {"name": "tones", "parameters": 2 * SAMPLES * len(labels), "macs_per_second": 1e5},
        "metrics": {"accuracy": 1.0},
        "recipe": {"name": name, "seed": 1},
        "operating_point": None,
        "licence": "",
        "provenance": {
            "code": "0.1.0",
            "data": "none",
            "versions": {"numpy": np.__version__},
            "created": "2025-01-01T00:00:00+00:00",
            "parent": None,
        },
    }


def tone_graph(labels: Sequence[str], *, batch: str | int = "batch") -> onnx.ModelProto:
    """[batch, samples] -> softmax over the energy of each label's tone."""
    waves, pairs = _weights(labels)
    nodes = [
        helper.make_node("MatMul", ["samples", "waves"], ["parts"]),
        helper.make_node("Mul", ["parts", "parts"], ["squares"]),
        helper.make_node("MatMul", ["squares", "pairs"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, [batch, length])
        for end, length in (("samples", SAMPLES), ("probabilities", len(labels)))
    ]
    constants = [numpy_helper.from_array(waves, "waves"), numpy_helper.from_array(pairs, "pairs")]
    graph = helper.make_graph(nodes, "tones", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def answers(clips: Samples, labels: Sequence[str]) -> NDArray[np.float32]:
    """What the graph should say to clips [batch, samples], by numpy in double precision."""
    waves, pairs = _weights(labels)
    logits = np.square(clips.astype(float) @ waves) @ pairs
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _weights(labels: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Waves [samples, 2 * labels], sine and cosine of each tone, and what adds up the two."""
    radians = 2 * np.pi * np.arange(SAMPLES) / RATE_HZ
    phases = np.stack([radians * TONES_HZ[label] for label in labels], axis=1)
    waves = np.concatenate([np.sin(phases), np.cos(phases)], axis=1).astype(np.float32)
    return waves, np.tile(CERTAINTY * np.eye(len(labels)), (2, 1)).astype(np.float32)
