"""SVDF of kws_streaming: six layers of units that each filter a feature and remember its past.

Alvarez and Park, "End-to-end Streaming Keyword Spotting" (2019), in the shape of Rybakov
et al., "Streaming keyword spotting on mobile devices" (2020). Shapes of the default on 49 frames of
30 MFCC, frames left x width: 46x256 -> 46x128, 37x256 -> 37x128, 28x128, 19x128, 10x128, 1x256 ->
labels; with 12 labels 354,444 parameters (published: 354k). The memories together span exactly the
49 frames; of a longer clip the frames that are left are averaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from torch import nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import ACTIVATIONS, Activation, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.models.sizes import Window, sizes
from sonant.nn.recurrent import SVDF
from sonant.nn.streaming import Pointwise, Streamable
from sonant.nn.windows import WindowMean


@dataclass(frozen=True, slots=True, kw_only=True)
class SVDFConfig:
    """One value a layer in each list."""

    units: tuple[int, ...] = (256,) * 6
    """Units of each layer."""
    memory: tuple[int, ...] = (4, 10, 10, 10, 10, 10)
    """Frames that each layer's units remember, the present one among them."""
    projections: tuple[int, ...] = (128, 128, 128, 128, 128, 0)
    """Width of the dense layer behind each layer; 0 leaves it out."""
    activations: tuple[Activation, ...] = ("relu",) * 6
    """What follows each layer's units: linear, relu, elu, silu, tanh, sigmoid."""
    rank: int = 1
    """Filters of a unit."""
    dropout: float = 0.0
    """Share of values dropped before the answer."""

    def __post_init__(self) -> None:
        same_length(
            "layers",
            units=self.units,
            memory=self.memory,
            projections=self.projections,
            activations=self.activations,
        )
        if not self.units:
            raise RecipeError("units: empty; give at least one layer")
        positive(units=self.units, memory=self.memory, rank=self.rank)
        if min(self.projections) < 0:
            raise RecipeError(f"projections: {min(self.projections)} is below 0")
        known(activations=self.activations)


@final
class SVDFNet(Chained):
    """Memories one on the other."""

    def __init__(self, config: SVDFConfig, *, bins: int, frames: int, labels: int) -> None:
        time, _ = sizes(_windows(config), bins=bins, frames=frames)[-1]
        width = config.projections[-1] or config.units[-1]
        super().__init__(
            *_layers(config, bins),
            WindowMean([width], time),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(nn.Conv1d(width, labels, 1)),
        )
        as_keras(self)
        for part in self.modules():
            if isinstance(part, SVDF):
                # Glorot counts a filter's one output as many: six layers on, nothing would be left.
                nn.init.kaiming_uniform_(part.filters.conv.weight, nonlinearity="relu")


def _layers(config: SVDFConfig, inputs: int) -> Iterator[Streamable]:
    for units, memory, projection, activation in zip(
        config.units, config.memory, config.projections, config.activations, strict=True
    ):
        yield SVDF(inputs, units, memory=memory, rank=config.rank)
        yield Pointwise(ACTIVATIONS[activation]())
        if projection:
            yield Pointwise(nn.Conv1d(units, projection, 1))
        inputs = projection or units


def _windows(config: SVDFConfig) -> list[Window]:
    return [
        Window(
            kind="memory",
            kernel=(memory, 1),
            mend=f"make value {number} of model.memory smaller",
        )
        for number, memory in enumerate(config.memory, start=1)
    ]
