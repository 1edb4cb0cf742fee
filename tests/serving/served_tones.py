"""The tones of `tone_stream` in a bundle that can also be asked for whole clips, as the server wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from bundles import TONES_HZ, tone_graph
from sonant.card import Card
from sonant.card.revision import revise
from tone_stream import LABELS, spoken, write_stream

SAID: Final = ("_silence_", "high", "_silence_", "low", "_silence_", "mid")
SOUND: Final = spoken(*SAID, seconds=0.6)
PCM: Final = np.round(SOUND * 32768).astype("<i2")
"""The recording that the browser's microphone plays, 16-bit."""


def write_served(root: Path, **changes: Any) -> Path:
    """The folder of version 3, which streams; 1 beside it knows three tones, in whole clips only."""
    streaming = write_stream(root, hops=None, **changes)
    graph = root / "whole.onnx"
    onnx.save(whole(), graph)
    folder = revise(Card.read(streaming), files={"graphs/whole.onnx": graph}, changes={})
    # The one between has graphs for different labels; nobody could open it.
    streaming.rename(root / "between")
    return folder


def whole() -> onnx.ModelProto:
    """The graph of `bundles`, with a last label that nothing speaks for: `_silence_`."""
    model = tone_graph(tuple(TONES_HZ))
    (pairs,) = (part for part in model.graph.initializer if part.name == "pairs")
    missing = len(LABELS) - len(TONES_HZ)
    wider = np.pad(numpy_helper.to_array(pairs), ((0, 0), (0, missing)))
    pairs.CopyFrom(numpy_helper.from_array(wider, "pairs"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(LABELS)
    return model
