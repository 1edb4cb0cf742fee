"""What a card says, part by part: audio, graphs, the network, where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from sonant.audio import Crop, Pad


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSpec:
    """The audio a graph wants, and how any clip is brought to it."""

    rate_hz: int
    """Hertz."""
    samples: int
    """Length of one clip at `rate_hz`."""
    pad: Pad
    """How a shorter clip is filled."""
    crop: Crop
    """Which part of a longer clip is kept."""

    @property
    def duration_s(self) -> float:
        """Length of one clip in seconds."""
        return self.samples / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpec:
    """One tensor that a stream remembers; it begins as zeros."""

    name: str
    """Name of the graph's input."""
    next: str
    """Name of the output that is its value for the next step."""
    shape: tuple[int, ...]
    """Without the batch axis, which is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """How a graph runs step by step; lengths in samples."""

    hop: int
    """Samples for one answer; a step takes a multiple of them."""
    delay: int
    """Samples by which an answer trails the sound it is about."""
    warm_up: int
    """Samples from which on an answer depends on sound alone, not on the silence before it."""
    macs_per_second: float
    """Multiply-accumulates for one second of sound, taken step by step."""
    states: tuple[StateSpec, ...]
    """In the order of the graph's inputs."""

    @property
    def bytes(self) -> int:
        """What one stream has to keep: states are float32."""
        return 4 * sum(prod(state.shape) for state in self.states)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSpec:
    """One ONNX graph of a bundle."""

    file: str
    """Relative to the bundle's folder, with forward slashes."""
    input: str
    """Name of the graph's input."""
    output: str
    """Name of the graph's output."""
    max_difference: float
    """Largest difference from the model's own answers, measured when the graph was written."""
    stream: StreamSpec | None = None
    """How it is run step by step; None for a graph of whole clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What the network is, and what it costs."""

    name: str
    parameters: int
    """How many trained numbers."""
    macs_per_second: float
    """Multiply-accumulates for one second of audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a bundle came from."""

    code: str
    """Version of the code that trained it."""
    data: str
    """Digest of the manifest it was trained on."""
    versions: Mapping[str, str]
    """Library -> version."""
    created: str
    """ISO 8601, UTC."""
    parent: str | None
    """The bundle this one was made from, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSpec:
    """The model in another format, as `sonant export` left it."""

    files: tuple[str, ...]
    """Relative to the bundle's folder; for a folder of files, all of them."""
    format: str
    """onnx, tflite or saved_model."""
    mode: str
    """whole, stream or stream-internal."""
    int8: bool
    """Whether weights and values are 8-bit integers."""
    front_end: bool
    """Whether it takes samples; else it takes features."""
    report: Mapping[str, Any]
    """The proof: differences, agreement, accuracies, sizes, operators."""
