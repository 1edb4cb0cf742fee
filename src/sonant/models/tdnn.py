"""The x-vector network: time-delay layers over frames, statistics pooling, a dense layer.

Snyder, Garcia-Romero, Sell, Povey and Khudanpur, "X-vectors: robust DNN embeddings for speaker
recognition" (2018), section 3, table 1; leaky activations and the order of norms are SpeechBrain's.
Shapes of the default on 64 bins: 64 -> 512 -> 512 -> 512 -> 512 -> 1500 at every frame -> 3000 -> 512,
and 15 frames seen by each. With 24 bins 4,211,604 parameters (4.2M), with 64 bins 4,314,004. Of the
4,610,524 (4.61M) that WeSpeaker's has on 80 bins, 262,656 are of a layer behind the embedding, and its
norms have no weights (7,096 here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.models.dense import positive, same_length
from sonant.models.embedder import EmbeddingNetwork
from sonant.nn.masked import TimeDelay
from sonant.nn.pooling import masked_statistics

SLOPE: Final = 0.01
"""Of the activation below zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TdnnConfig:
    """One value a layer in each list; narrower channels make a smaller network."""

    channels: tuple[int, ...] = (512, 512, 512, 512, 1500)
    """Channels behind each layer; the last are pooled."""
    kernels: tuple[int, ...] = (5, 3, 3, 1, 1)
    """Frames that each looks at; odd numbers."""
    dilations: tuple[int, ...] = (1, 2, 3, 1, 1)
    """Frames from one of these to the next."""
    size: int = 512
    """Values of an embedding."""
    dropout: float = 0.0
    """Share of pooled values dropped before the dense layer."""

    def __post_init__(self) -> None:
        check_layers(self.channels, self.kernels, self.dilations)
        positive(size=self.size)


@final
class Tdnn(EmbeddingNetwork):
    """X-vectors: features [batch, bins, frames] and mask [batch, frames] -> [batch, size]."""

    def __init__(self, config: TdnnConfig, *, bins: int) -> None:
        super().__init__()
        self.size = config.size
        self.layers = nn.ModuleList()
        for channels, kernel, dilation in zip(
            config.channels, config.kernels, config.dilations, strict=True
        ):
            self.layers.append(
                TimeDelay(bins, channels, kernel, dilation=dilation, activation=nn.LeakyReLU(SLOPE))
            )
            bins = channels
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(2 * bins, config.size)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Layers over frames, then statistics over all of them."""
        x = features
        for layer in self.layers:
            x = layer(x, mask)
        y: Tensor = self.dense(self.dropout(masked_statistics(x, mask)))
        return y


def check_layers(
    channels: tuple[int, ...], kernels: tuple[int, ...], dilations: tuple[int, ...]
) -> None:
    """Raise `RecipeError` where these are no time-delay layers."""
    same_length("layers", channels=channels, kernels=kernels, dilations=dilations)
    if not channels:
        raise RecipeError("channels: empty; give at least one layer")
    positive(channels=channels, kernels=kernels, dilations=dilations)
    if even := [kernel for kernel in kernels if kernel % 2 == 0]:
        raise RecipeError(
            f"kernels: {even[0]} is even; a kernel around a frame wants an odd number"
        )
