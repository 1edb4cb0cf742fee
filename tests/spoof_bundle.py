"""A spoof detector made without training or torch: to it, what is loud is bona fide."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import soundfile
from onnx import TensorProto, helper, numpy_helper

from bundles import write_bundle
from sonant.audio import Samples
from sonant.manifest import Item, Manifest

RATE_HZ = 16_000
WINDOW = 16_000
STEEP, MIDDLE = 20.0, 0.2
"""Log-odds a unit of mean magnitude over the middle, halved."""


def write_spoof_bundle(root: Path, *, fixed: bool = False, **changes: object) -> Path:
    """Write a bundle whose graph hears any length, or its window alone, and return its folder."""
    graph = {
        "file": "graphs/whole.onnx",
        "input": "samples",
        "output": "probabilities",
        "max_difference": 1e-6,
    }
    values = {
        "task": "spoofing",
        "labels": ["bonafide", "spoof"],
        "graphs": {"whole": graph},
        "audio": {"rate_hz": RATE_HZ, "samples": WINDOW, "pad": "end", "crop": "start"},
    }
    return write_bundle(
        root, name="loud", changes=values | changes, graph=loudness_graph(fixed=fixed)
    )


def loudness_graph(*, fixed: bool) -> onnx.ModelProto:
    """samples [batch, n] -> softmax of how far the mean magnitude lies over the middle, and under it."""
    nodes = [
        helper.make_node("Abs", ["samples"], ["size"]),
        helper.make_node("ReduceMean", ["size", "time"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["mean", "middle"], ["over"]),
        helper.make_node("Mul", ["over", "steep"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    length = WINDOW if fixed else "n"
    ends = [
        helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["batch", length]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "time"),
        numpy_helper.from_array(np.array([MIDDLE], np.float32), "middle"),
        numpy_helper.from_array(np.array([[STEEP, -STEEP]], np.float32), "steep"),
    ]
    graph = helper.make_graph(nodes, "loudness", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def score_of(samples: Samples) -> float:
    """What the graph's answer comes to as log-odds."""
    return 2 * STEEP * (float(np.abs(samples).mean()) - MIDDLE)


def noise(level: float, seconds: float, *, seed: int = 0) -> Samples:
    """[samples] of evenly spread values of this mean magnitude."""
    draw = np.random.default_rng(seed)
    return draw.uniform(-2 * level, 2 * level, round(seconds * RATE_HZ)).astype(np.float32)


def write_clips(folder: Path, *, each: int = 12, overlap: float = 0.04) -> Manifest:
    """Bona fide and forged clips of four speakers, `each` of both kinds, with a table that knows the attack.

    Forged clips of the attack `near` are almost as loud as bona fide ones, those of `far` are not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw, items, rows = np.random.default_rng(1), [], ["path,label,speaker,split,attack,codec"]
    for number in range(2 * each):
        bonafide = number % 2 == 0
        attack = "" if bonafide else ("near" if number % 4 == 1 else "far")
        level = {"": 0.25, "near": 0.22, "far": 0.1}[attack] + draw.normal(0, overlap)
        path = folder / f"{number}.wav"
        soundfile.write(path, noise(max(level, 0.01), 0.5, seed=number), RATE_HZ)
        label, speaker = ("bonafide", "spoof")[not bonafide], f"s{number // 2 % 4}"
        codec = ("wav", "mp3")[number // 2 % 2]
        items.append(Item(path=path, label=label, speaker=speaker, split="test"))
        rows.append(f"{path.name},{label},{speaker},test,{attack},{codec}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return Manifest(items=tuple(items), name="loud and soft")


def sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
