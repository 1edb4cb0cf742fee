"""The CNN of kws_streaming: seven convolutions without padding, each from one place of five lists.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020), after Sainath and Parada,
"Convolutional Neural Networks for Small-footprint Keyword Spotting" (2015). Pairs are (time,
frequency) and the image is [1, frames, bins]. Shapes of the default on 49 frames of 20 MFCC, time x
frequency x channels: 47x18x64, 43x16x64, 35x14x64, 31x12x64, 23x11x128, 19x11x64, 1x11x128 -> 1408
-> 128 -> 256 -> labels; with 14 labels 607,246 parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.models.initial import as_keras
from sonant.models.sizes import Window, sizes
from sonant.nn.small_conv import SmallConv2d

Activation: TypeAlias = Literal["linear", "relu", "elu", "silu", "tanh", "sigmoid"]
ACTIVATIONS: Final[dict[Activation, Callable[[], nn.Module]]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


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
        _same_length(
            "layers",
            filters=self.filters,
            kernels=self.kernels,
            dilations=self.dilations,
            strides=self.strides,
            activations=self.activations,
        )
        _same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        if not self.filters:
            raise RecipeError("filters: empty; give at least one convolution")
        _positive(filters=self.filters, units=self.units)
        for name in ("kernels", "dilations", "strides"):
            _positive(**{name: tuple(value for pair in getattr(self, name) for value in pair)})
        for name in ("activations", "unit_activations"):
            _known(name, getattr(self, name))


class KwsCNN(nn.Module):
    """Convolutions that shrink the image, then dense layers."""

    def __init__(self, config: KwsCNNConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__()
        time, frequency = sizes(_windows(config), bins=bins, frames=frames)[-1]
        self.convolutions = nn.Sequential()
        channels = 1
        for filters, kernel, dilation, stride, activation in zip(
            config.filters,
            config.kernels,
            config.dilations,
            config.strides,
            config.activations,
            strict=True,
        ):
            self.convolutions.append(
                SmallConv2d(channels, filters, kernel, stride=stride, dilation=dilation)
            )
            self.convolutions.append(ACTIVATIONS[activation]())
            channels = filters
        self.dropout = nn.Dropout(config.dropout)
        self.dense = _dense(config, channels * time * frequency, labels=labels)
        as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]."""
        image: Tensor = self.convolutions(features.transpose(1, 2).unsqueeze(1))
        logits: Tensor = self.dense(self.dropout(image.flatten(1)))
        return logits


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


def _dense(config: KwsCNNConfig, inputs: int, *, labels: int) -> nn.Sequential:
    layers = nn.Sequential()
    for units, activation in zip(config.units, config.unit_activations, strict=True):
        layers.append(nn.Linear(inputs, units))
        layers.append(ACTIVATIONS[activation]())
        inputs = units
    return layers.append(nn.Linear(inputs, labels))


def _same_length(what: str, **lists: Sized) -> None:
    if len({len(values) for values in lists.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(values)}" for name, values in lists.items())
        raise RecipeError(f"the lists of the {what} want one value each a layer, but {lengths}")


def _positive(**lists: tuple[int, ...]) -> None:
    for name, values in lists.items():
        if any(value < 1 for value in values):
            raise RecipeError(f"{name}: {min(values)} is not above 0")


def _known(name: str, activations: tuple[str, ...]) -> None:
    for activation in activations:
        if activation not in ACTIVATIONS:
            raise RecipeError(f"{name}: {activation!r} is not one of {', '.join(ACTIVATIONS)}")
