"""The CNN of kws_streaming: seven convolutions without padding, each from one place of five lists.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020), after Sainath and Parada,
"Convolutional Neural Networks for Small-footprint Keyword Spotting" (2015). Pairs are (time,
frequency) throughout. Shapes of the default on 49 frames of 20 MFCC, time x frequency x channels:
47x18x64, 43x16x64, 35x14x64, 31x12x64, 23x11x128, 19x11x64, 1x11x128 -> 1408 -> 128 -> 256 ->
labels; with 14 labels 607,246 parameters. In a stream the frames that a clip leaves behind the
convolutions are a window that slides, so every answer is that of the clip which ends there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from torch import nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained, image
from sonant.models.dense import ACTIVATIONS, Activation, dense, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.models.sizes import Window, sizes
from sonant.nn.layers import Conv2d
from sonant.nn.streaming import Pointwise, Streamable
from sonant.nn.windows import WindowFlatten


@dataclass(frozen=True, slots=True, kw_only=True)
class KwsCNNConfig:
    """One value a layer in each list; pairs are (time, frequency)."""

    filters: tuple[int, ...] = (64, 64, 64, 64, 128, 64, 128)
    """Channels of each convolution."""
    kernels: tuple[tuple[int, int], ...] = (
        (3, 3),
        (5, 3),
        (5, 3),
        (5, 3),
        (5, 2),
        (5, 1),
        (10, 1),
    )
    """(time, frequency) values each convolution looks at."""
    dilations: tuple[tuple[int, int], ...] = (
        (1, 1),
        (1, 1),
        (2, 1),
        (1, 1),
        (2, 1),
        (1, 1),
        (2, 1),
    )
    """(time, frequency) distance between two of these values."""
    strides: tuple[tuple[int, int], ...] = ((1, 1),) * 7
    """(time, frequency) steps of each convolution."""
    activations: tuple[Activation, ...] = ("relu",) * 7
    """What follows each convolution: linear, relu, elu, silu, tanh, sigmoid."""
    dropout: float = 0.5
    """Share of values dropped behind the convolutions."""
    units: tuple[int, ...] = (128, 256)
    """Widths of the dense layers before the answer; may be empty."""
    unit_activations: tuple[Activation, ...] = ("linear", "relu")
    """What follows each dense layer."""

    def __post_init__(self) -> None:
        same_length(
            "layers",
            filters=self.filters,
            kernels=self.kernels,
            dilations=self.dilations,
            strides=self.strides,
            activations=self.activations,
        )
        same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        if not self.filters:
            raise RecipeError("filters: empty; give at least one convolution")
        positive(filters=self.filters, units=self.units)
        positive(kernels=self.kernels, dilations=self.dilations, strides=self.strides)
        known(activations=self.activations, unit_activations=self.unit_activations)


@final
class KwsCNN(Chained):
    """Convolutions that shrink the image, then dense layers over what is left of a clip's frames."""

    def __init__(self, config: KwsCNNConfig, *, bins: int, frames: int, labels: int) -> None:
        time, frequency = sizes(_windows(config), bins=bins, frames=frames)[-1]
        channels = config.filters[-1]
        super().__init__(
            image(bins),
            *_convolutions(config, bins=bins),
            WindowFlatten([channels, frequency], time),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(
                dense(
                    channels * time * frequency,
                    config.units,
                    config.unit_activations,
                    labels=labels,
                )
            ),
        )
        as_keras(self)


def _convolutions(config: KwsCNNConfig, *, bins: int) -> Iterator[Streamable]:
    channels = 1
    for filters, kernel, dilation, stride, activation in zip(
        config.filters,
        config.kernels,
        config.dilations,
        config.strides,
        config.activations,
        strict=True,
    ):
        layer = Conv2d(channels, filters, kernel, bins=bins, stride=stride, dilation=dilation)
        yield layer
        yield Pointwise(ACTIVATIONS[activation]())
        channels, bins = filters, layer.bins_out


def _windows(config: KwsCNNConfig) -> list[Window]:
    return [
        Window(
            kind="convolution",
            kernel=kernel,
            dilation=dilation,
            stride=stride,
            mend=f"make value {number} of model.kernels or of model.dilations smaller",
        )
        for number, (kernel, dilation, stride) in enumerate(
            zip(config.kernels, config.dilations, config.strides, strict=True), start=1
        )
    ]
