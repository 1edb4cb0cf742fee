"""A wake word for ESPHome's micro_wake_word: an 8-bit stream with its states inside, and a manifest.

The device has its own front end: the file takes features as it counts them, [1, frames, bins] in 8 bits,
and gives the probability of the wake word as one unsigned byte, like microWakeWord's second version. Only
operators that the component registers may be in it (esphome/components/micro_wake_word/streaming_model.cpp).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export import tflite_flatbuffer as flatbuffer
from sonant.export.tflite import Written, converted, cut
from sonant.export.tflite_ranges import calibrated
from sonant.export.tflite_variables import keep_inside
from sonant.export.translate_step import step_graph
from sonant.nn.streaming import Streamable

REGISTERED: Final = frozenset(
    {
        "CALL_ONCE", "VAR_HANDLE", "RESHAPE", "READ_VARIABLE", "STRIDED_SLICE", "CONCATENATION",
        "ASSIGN_VARIABLE", "CONV_2D", "MUL", "ADD", "MEAN", "FULLY_CONNECTED", "LOGISTIC", "QUANTIZE",
        "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "PAD", "PACK", "SPLIT_V",
    }
)  # fmt: skip
"""What the component registers; anything else fails when the device starts."""
MOST_VARIABLES = 20
"""States that the component has room for."""
STEP_MS = 10
"""Milliseconds from one frame of the device's features to the next."""
FEATURE_STEP = 10 / 256
"""Value of one step of the front end's output."""
LARGEST = 666
"""Steps of the front end's output that the device spreads over 256 bytes, from -128."""
FEATURES: Final = (0.0, 255 / 256 * LARGEST * FEATURE_STEP)
"""Range of the features: the device writes bytes and never asks the file for its scale."""
SPARE: Final = 1.25
"""The arena of a device holds its book-keeping too; ESPHome looks for the least that is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeWord:
    """What the manifest says about the model."""

    wake_word: str
    """As people say it."""
    author: str
    website: str
    trained_languages: tuple[str, ...]
    """As in en."""
    probability_cutoff: float
    """Mean probability from which on it is a wake word."""
    sliding_window_size: int = 5
    """Answers that the mean is taken over."""
    minimum_esphome_version: str = "2024.7.0"


@final
class Odds(nn.Module):
    """Logits [batch, 2, frames] -> probability of one of the two labels, [batch, frames].

    The same as softmax, by a convolution and a sigmoid: the device knows no softmax.
    """

    def __init__(self, label: int) -> None:
        super().__init__()
        self.difference = nn.Conv1d(2, 1, 1, bias=False)
        with torch.no_grad():
            signs = torch.tensor([-1.0, 1.0] if label else [1.0, -1.0])
            self.difference.weight.copy_(signs.view(1, 2, 1))

    def forward(self, logits: Tensor) -> Tensor:
        """See the class."""
        return torch.sigmoid(self.difference(logits)).squeeze(1)


def export_esphome(
    network: Streamable, folder: Path, *, name: str, word: WakeWord, features: Tensor, label: int
) -> Written:
    """Write `<name>.tflite` and `<name>.json` for a network of two labels, `label` the wake word.

    `features` is what it is calibrated on, [streams, bins, frames] of the micro front end, long. Raises
    `ExportError` for an operator that the device does not know, with its layer, and for other labels.
    """
    bins = features.shape[1]
    _refuse_labels(network, bins=bins)
    model = step_graph(network, shape=(bins,), head=Odds(label))
    steps = cut(features, model.shape[-1])
    ranges = calibrated(model, steps, given={0: FEATURES})
    tables = flatbuffer.read(converted(model, ranges, heard=(0, 2, 1)))
    everything = range(len(model.inputs))
    flatbuffer.bare(tables, inputs=everything, outputs=everything)
    flatbuffer.unsigned(tables, output=0)
    flatbuffer.renamed(tables, inputs=model.inputs, outputs=model.outputs)
    ends = {state.name: (at, at) for at, state in enumerate(model.states, start=1)}
    keep_inside(tables, ends, reset=False)
    _refuse(tables)
    arena = int(SPARE * (flatbuffer.arena(tables) + flatbuffer.variables(tables))) + 1024
    content = flatbuffer.written(tables)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.tflite").write_bytes(content)
    manifest = _manifest(word, file=f"{name}.tflite", arena=arena)
    (folder / f"{name}.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return Written(
        bytes=len(content),
        operators=tuple(sorted({kind for kind, _, _ in flatbuffer.operators(tables)})),
        states=(),
        arena_bytes=arena,
    )


def _refuse_labels(network: Streamable, *, bins: int) -> None:
    with torch.no_grad():
        labels = network(torch.zeros(1, bins, int(network.hop))).shape[1]
    if labels != 2:
        raise ExportError(
            f"a wake word for ESPHome has two labels, the word and everything else, not {labels}; "
            f"train with the others as one label"
        )


def _refuse(tables: Any) -> None:
    """Raise `ExportError` for what the device does not know or has no room for."""
    for kind, operator, graph in flatbuffer.operators(tables):
        if kind not in REGISTERED:
            place = graph.tensors[operator.outputs[0]].name.decode().split(";")[0]
            raise ExportError(
                f"{place}: its operator {kind} is not registered by ESPHome's micro_wake_word; "
                f"choose a network without it, such as mixednet"
            )
    states = sum(kind == "READ_VARIABLE" for kind, _, _ in flatbuffer.operators(tables))
    if states > MOST_VARIABLES:
        raise ExportError(
            f"the network keeps {states} states, ESPHome's micro_wake_word has room for "
            f"{MOST_VARIABLES}; choose one of fewer layers"
        )


def _manifest(word: WakeWord, *, file: str, arena: int) -> dict[str, Any]:
    """The second version of the format."""
    return {
        "type": "micro",
        "wake_word": word.wake_word,
        "author": word.author,
        "website": word.website,
        "model": file,
        "trained_languages": list(word.trained_languages),
        "version": 2,
        "micro": {
            "probability_cutoff": word.probability_cutoff,
            "sliding_window_size": word.sliding_window_size,
            "feature_step_size": STEP_MS,
            "tensor_arena_size": arena,
            "minimum_esphome_version": word.minimum_esphome_version,
        },
    }
