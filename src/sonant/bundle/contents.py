"""What goes into a bundle, and what its card says of one graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sonant.export import onnx
from sonant.models.classifier import Classifier
from sonant.models.converter import VoiceConverter
from sonant.models.detector import SpoofDetector
from sonant.models.embedder import SpeakerEmbedder
from sonant.models.vocoders import Vocoder
from sonant.recipe import Recipe

Model: TypeAlias = Classifier | SpeakerEmbedder | VoiceConverter | Vocoder | SpoofDetector
"""What can be trained, whatever the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a bundle."""

    recipe: Recipe
    labels: tuple[str, ...]
    model: Model
    clips: NDArray[np.float32]
    """[batch, samples], real clips on which the graphs are held to the model."""
    lengths: NDArray[np.int64] | None = None
    """[batch], samples of each clip that are sound; None where all are."""
    parameters: int
    macs_per_second: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    data_digest: str = ""
    licence: str = ""
    parent: str | None = None

    @property
    def sounds(self) -> list[NDArray[np.float32]]:
        """The clips without what fills them up, each [samples]."""
        if self.lengths is None:
            return list(self.clips)
        return [clip[:length] for clip, length in zip(self.clips, self.lengths, strict=True)]


def entry(
    path: Path, difference: float, *, takes: str = onnx.INPUT, gives: str = onnx.OUTPUT
) -> dict[str, object]:
    """A graph of the bundle as its card tells of it: file, names of input and output, and the proof."""
    return {
        "file": f"graphs/{path.name}",
        "input": takes,
        "output": gives,
        "max_difference": difference,
    }
