"""The CRNN of kws_streaming: two convolutions, a GRU, and dense layers on its last state.

Arik et al., "Convolutional Recurrent Neural Networks for Small-Footprint Keyword Spotting" (2017),
in the streaming form of Rybakov et al., "Streaming keyword spotting on mobile devices" (2020): the
GRU goes one way only. Pairs are (time, frequency). Shapes of the default on 20 MFCC, frequency x
channels of every frame: 18x16, 16x16 -> 256 -> GRU 256 -> 128 -> 256 -> labels; with 12 labels
467,772 parameters (published: 467k). Behind the convolutions kws_streaming's clip has 6 frames fewer
than it began with; here they are kept, having seen silence before the clip, as in a stream that
begins with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from torch import nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained, image, rows
from sonant.models.dense import ACTIVATIONS, Activation, dense, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.models.sizes import Window, sizes
from sonant.nn.layers import Conv2d
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Pointwise, Streamable


@dataclass(frozen=True, slots=True, kw_only=True)
class CRNNConfig:
    """One value a convolution in each of the first lists; pairs are (time, frequency)."""

    filters: tuple[int, ...] = (16, 16)
    """Channels of each convolution."""
    kernels: tuple[tuple[int, int], ...] = ((3, 3), (5, 3))
    """(time, frequency) values each convolution looks at."""
    strides: tuple[tuple[int, int], ...] = ((1, 1), (1, 1))
    """(time, frequency) steps of each convolution; in time they make answers rarer."""
    activations: tuple[Activation, ...] = ("relu", "relu")
    """What follows each convolution: linear, relu, elu, silu, tanh, sigmoid."""
    hidden: int = 256
    """Width of the GRU's state."""
    layers: int = 1
    """Recurrent layers, one on the other."""
    dropout: float = 0.1
    """Share of values dropped behind them."""
    units: tuple[int, ...] = (128, 256)
    """Widths of the dense layers before the answer; may be empty."""
    unit_activations: tuple[Activation, ...] = ("linear", "relu")
    """What follows each of them."""

    def __post_init__(self) -> None:
        same_length(
            "layers",
            filters=self.filters,
            kernels=self.kernels,
            strides=self.strides,
            activations=self.activations,
        )
        same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        if not self.filters:
            raise RecipeError("filters: empty; give at least one convolution, or take model gru")
        positive(filters=self.filters, kernels=self.kernels, strides=self.strides)
        positive(hidden=self.hidden, layers=self.layers, units=self.units)
        known(activations=self.activations, unit_activations=self.unit_activations)


@final
class CRNN(Chained):
    """Convolutions along both axes, a GRU along time."""

    def __init__(self, config: CRNNConfig, *, bins: int, frames: int, labels: int) -> None:
        _, frequency = sizes(_windows(config), bins=bins, frames=frames)[-1]
        super().__init__(
            image(bins),
            *_convolutions(config, bins=bins),
            rows(),
            GRU(config.filters[-1] * frequency, config.hidden, layers=config.layers),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(dense(config.hidden, config.units, config.unit_activations, labels=labels)),
        )
        as_keras(self)


def _convolutions(config: CRNNConfig, *, bins: int) -> Iterator[Streamable]:
    channels = 1
    for filters, kernel, stride, activation in zip(
        config.filters, config.kernels, config.strides, config.activations, strict=True
    ):
        layer = Conv2d(channels, filters, kernel, bins=bins, stride=stride)
        yield layer
        yield Pointwise(ACTIVATIONS[activation]())
        channels, bins = filters, layer.bins_out


def _windows(config: CRNNConfig) -> list[Window]:
    return [
        Window(
            kind="convolution",
            kernel=kernel,
            stride=stride,
            mend=f"make value {number} of model.kernels smaller",
        )
        for number, (kernel, stride) in enumerate(
            zip(config.kernels, config.strides, strict=True), start=1
        )
    ]
