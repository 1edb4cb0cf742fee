"""Conversion and vocoder bundles made without training: they move the mean of every mel band to the target's.

The graph is a real mel spectrogram; the vocoder's graph makes a buzz as loud as each frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bundles import RATE_HZ, write_bundle
from sonant.audio import Samples
from sonant.nn.voice_mel_config import VoiceMel, bank_of

MEL = VoiceMel(window_length=512, hop_length=128, mels=40)


def write_converter(
    root: Path,
    *,
    name: str = "again",
    mel: VoiceMel = MEL,
    changes: Mapping[str, Any] | None = None,
) -> Path:
    """The version folder of a bundle with the graph `convert`."""
    card = _card("conversion", mel, "convert", input="source", output="mel")
    return write_bundle(root, name=name, changes={**card, **(changes or {})}, graph=_mover(mel))


def write_vocoder(root: Path, *, name: str = "buzz", mel: VoiceMel = MEL) -> Path:
    """The version folder of a bundle with the graph `vocoder`."""
    card = _card("vocoding", mel, "vocoder", input="mel", output="samples")
    return write_bundle(root, name=name, changes=card, graph=_buzz(mel))


def voice(
    pitch_hz: float, *, seconds: float = 1.5, rate_hz: int = RATE_HZ, seed: int = 0
) -> Samples:
    """Something like speech: syllables of harmonics under a formant, with pauses between them."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(rate_hz * seconds)) / rate_hz
    glide = pitch_hz * (1 + 0.08 * np.sin(2 * np.pi * 0.9 * time_s + seed))
    phase = 2 * np.pi * np.cumsum(glide) / rate_hz
    formant_hz = 600 + 3 * pitch_hz
    sound = np.zeros_like(time_s)
    for harmonic in range(1, int(0.4 * rate_hz / pitch_hz)):
        weight = 1 / harmonic / (1 + ((harmonic * pitch_hz - formant_hz) / 500) ** 2)
        sound += weight * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time_s + 0.3), 0.0, None) ** 0.5
    sound = sound * syllables + 0.003 * random.standard_normal(len(time_s))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def write_voice(
    path: Path, pitch_hz: float, *, seconds: float = 1.5, rate_hz: int = RATE_HZ
) -> Path:
    """A file of it; the ending chooses the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.stem.encode())
    soundfile.write(path, voice(pitch_hz, seconds=seconds, rate_hz=rate_hz, seed=seed), rate_hz)
    return path


def _card(task: str, mel: VoiceMel, graph: str, *, input: str, output: str) -> dict[str, Any]:
    spec = {"file": "graphs/whole.onnx", "input": input, "output": output, "max_difference": 1e-6}
    return {
        "task": task,
        "labels": [],
        "graphs": {graph: spec},
        "recipe": {"name": task, "front_end": {"name": "voice_mel", **asdict(mel)}},
    }


def _mover(mel: VoiceMel) -> onnx.ModelProto:
    """source, target [batch, samples] -> the mel of the source with the target's mean in every band."""
    nodes = [*_mel_nodes("source", mel), *_mel_nodes("target", mel)]
    nodes += [
        helper.make_node("ReduceMean", ["source_mel", "time"], ["source_mean"], keepdims=1),
        helper.make_node("ReduceMean", ["target_mel", "time"], ["target_mean"], keepdims=1),
        helper.make_node("Sub", ["source_mel", "source_mean"], ["content"]),
        helper.make_node("Add", ["content", "target_mean"], ["mel"]),
    ]
    turns = np.arange(mel.window_length) / mel.window_length
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * turns)
    waves = [
        taper * wave(2 * np.pi * np.arange(mel.bins)[:, None] * turns) for wave in (np.cos, np.sin)
    ]
    constants = {
        "waves": np.concatenate(waves)[:, None].astype(np.float32),
        "bank": bank_of(mel, rate_hz=RATE_HZ).T.astype(np.float32),
        "floor": np.array(mel.floor, np.float32),
        "time": np.array([2], np.int64),
        "channel": np.array([1], np.int64),
        "halves": np.array([mel.bins, mel.bins], np.int64),
    }
    inputs = {"source": ["batch", "n"], "target": ["batch", "m"]}
    return _model(nodes, inputs, {"mel": ["batch", mel.mels, "frames"]}, constants)


def _mel_nodes(name: str, mel: VoiceMel) -> list[onnx.NodeProto]:
    half = mel.window_length // 2
    return [
        helper.make_node("Unsqueeze", [name, "channel"], [f"{name}_row"]),
        helper.make_node(
            "Conv",
            [f"{name}_row", "waves"],
            [f"{name}_parts"],
            strides=[mel.hop_length],
            pads=[half, half],
        ),
        helper.make_node(
            "Split", [f"{name}_parts", "halves"], [f"{name}_re", f"{name}_im"], axis=1
        ),
        helper.make_node("Mul", [f"{name}_re", f"{name}_re"], [f"{name}_re2"]),
        helper.make_node("Mul", [f"{name}_im", f"{name}_im"], [f"{name}_im2"]),
        helper.make_node("Add", [f"{name}_re2", f"{name}_im2"], [f"{name}_power"]),
        helper.make_node("Sqrt", [f"{name}_power"], [f"{name}_size"]),
        helper.make_node("MatMul", ["bank", f"{name}_size"], [f"{name}_bands"]),
        helper.make_node("Max", [f"{name}_bands", "floor"], [f"{name}_floored"]),
        helper.make_node("Log", [f"{name}_floored"], [f"{name}_mel"]),
    ]


def _buzz(mel: VoiceMel) -> onnx.ModelProto:
    """mel [batch, mels, frames] -> [batch, frames x hop]: a tone as loud as the mean magnitude."""
    tone = 0.1 * np.sin(2 * np.pi * 3 * np.arange(mel.hop_length) / mel.hop_length)
    nodes = [
        helper.make_node("Exp", ["mel"], ["size"]),
        helper.make_node("ReduceMean", ["size", "channel"], ["level"], keepdims=0),
        helper.make_node("Unsqueeze", ["level", "last"], ["column"]),
        helper.make_node("Mul", ["column", "tone"], ["rows"]),
        helper.make_node("Reshape", ["rows", "shape"], ["samples"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "channel": np.array([1], np.int64),
        "last": np.array([2], np.int64),
        "tone": tone.astype(np.float32),
        "shape": np.array([0, -1], np.int64),
    }
    inputs = {"mel": ["batch", mel.mels, "frames"]}
    return _model(nodes, inputs, {"samples": ["batch", "n"]}, constants)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, list[Any]],
    outputs: Mapping[str, list[Any]],
    constants: Mapping[str, NDArray[Any]],
) -> onnx.ModelProto:
    def ends(of: Mapping[str, list[Any]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in of.items()
        ]

    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "made", ends(inputs), ends(outputs), held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
