"""Two heads on a finished embedding, 512 values in and 128 out, to be compared with a real TDNN.

`tdnn_conv_head` runs time-series layers over the values of one vector, as if they followed each other in
time; `dense_head` puts dense layers there. Neither sees frames. Shapes of the default: 512 x 1 -> 64
channels of 510 -> 255 -> 128 of 253 -> 126 -> 256 of 124 -> mean -> 128, 156,416 parameters; and
512 -> 512 -> 512 -> 128, 593,024 parameters. Both stand behind a ResCNN whose embedding is scaled to
length 1 first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError, RecipeError
from sonant.models.dense import positive
from sonant.models.embedder import LEAST_NORM, EmbeddingNetwork
from sonant.models.initial import as_keras
from sonant.models.rescnn import ResCNN, ResCNNConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class TdnnConvHeadConfig:
    """Convolutions along a vector."""

    trunk: ResCNNConfig = field(default_factory=ResCNNConfig)
    """What makes the vector."""
    frozen: bool = False
    """Whether the trunk keeps the weights it has."""
    channels: tuple[int, ...] = (64, 128, 256)
    """Of each convolution; the last are averaged."""
    kernel: int = 3
    """Values that each looks at."""
    size: int = 128
    """Values of an embedding."""

    def __post_init__(self) -> None:
        positive(channels=self.channels, kernel=self.kernel, size=self.size)
        if not self.channels:
            raise RecipeError("channels: empty; give at least one convolution")


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseHeadConfig:
    """Dense layers on a vector."""

    trunk: ResCNNConfig = field(default_factory=ResCNNConfig)
    """What makes the vector."""
    frozen: bool = False
    """Whether the trunk keeps the weights it has."""
    units: tuple[int, ...] = (512, 512)
    """Widths of the layers before the last."""
    dropout: float = 0.5
    """Share of values dropped behind each of them."""
    size: int = 128
    """Values of an embedding."""

    def __post_init__(self) -> None:
        positive(units=self.units, size=self.size)


class _Headed(EmbeddingNetwork):
    """A trunk, and a head on its embedding; [batch, bins, frames] and mask -> [batch, size]."""

    def __init__(self, trunk: ResCNN, head: nn.Sequential, *, size: int, frozen: bool) -> None:
        super().__init__()
        self.size, self.frozen = size, frozen
        self.trunk, self.head = trunk, head
        as_keras(self.head)
        if frozen:
            self.trunk.requires_grad_(False)
            self.trunk.eval()

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """The vector of the utterance, of length 1, through the head."""
        y: Tensor = self.head(F.normalize(self.trunk(features, mask), dim=1, eps=LEAST_NORM))
        return y

    def train(self, mode: bool = True) -> Self:
        """A frozen trunk stays as it is: its norms learn nothing either."""
        super().train(mode)
        if self.frozen:
            self.trunk.eval()
        return self


@final
class TdnnConvHead(_Headed):
    """Convolutions, maxima of two, a mean and a dense layer."""

    def __init__(self, config: TdnnConvHeadConfig, *, bins: int) -> None:
        length = config.trunk.size
        layers: list[nn.Module] = [nn.Unflatten(1, (1, length))]
        inputs = 1
        for number, channels in enumerate(config.channels):
            if number:
                layers.append(nn.MaxPool1d(2))
                length //= 2
            layers += [nn.Conv1d(inputs, channels, config.kernel), nn.ReLU()]
            inputs, length = channels, length - config.kernel + 1
            if length < 1:
                raise ModelError(
                    f"trunk.size: {config.trunk.size} values are too few for {number + 1} "
                    f"convolutions over {config.kernel}; make the trunk's embedding longer"
                )
        layers += [_Mean(), nn.Linear(inputs, config.size)]
        trunk = ResCNN(config.trunk, bins=bins)
        super().__init__(trunk, nn.Sequential(*layers), size=config.size, frozen=config.frozen)


@final
class DenseHead(_Headed):
    """Dense layers, each with ReLU, batch norm and dropout, and a last one with none."""

    def __init__(self, config: DenseHeadConfig, *, bins: int) -> None:
        layers: list[nn.Module] = []
        inputs = config.trunk.size
        for units in config.units:
            layers += [nn.Linear(inputs, units), nn.ReLU(), nn.BatchNorm1d(units)]
            layers.append(nn.Dropout(config.dropout))
            inputs = units
        layers.append(nn.Linear(inputs, config.size))
        trunk = ResCNN(config.trunk, bins=bins)
        super().__init__(trunk, nn.Sequential(*layers), size=config.size, frozen=config.frozen)


@final
class _Mean(nn.Module):
    """[batch, channels, values] -> [batch, channels]."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.mean(x, -1)
