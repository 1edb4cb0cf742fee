"""The second network of Deep Speaker: one convolution, three GRU layers, mean over time, a dense layer.

Li et al., "Deep Speaker: an end-to-end neural speaker embedding system" (2017), arXiv 1705.02304,
section 3.2 and table 2 (23M). Shapes of the default on 64 bins: 64 x frames -> 64 channels of
32 x frames / 2 -> 2048 a frame -> 1024 -> 1024 -> 1024 -> mean -> 512; 22,565,120 parameters, both
biases of each gate counted. The paper's batch norms between recurrent layers are left out, as in
Walleclipse/Deep_Speaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from sonant.models.dense import positive
from sonant.models.embedder import EmbeddingNetwork
from sonant.models.initial import as_keras
from sonant.models.rescnn import Halve
from sonant.nn.free_gru import FreeGRU
from sonant.nn.pooling import masked_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepSpeakerGRUConfig:
    """Table 2 of the paper."""

    channels: int = 64
    """Of the convolution, which halves bins and frames."""
    hidden: int = 1024
    """Width of each recurrent layer."""
    layers: int = 3
    """Recurrent layers, one on the other."""
    size: int = 512
    """Values of an embedding."""
    dropout: float = 0.0
    """Share of values dropped before the dense layer."""

    def __post_init__(self) -> None:
        positive(channels=self.channels, hidden=self.hidden, layers=self.layers, size=self.size)


@final
class DeepSpeakerGRU(EmbeddingNetwork):
    """Features [batch, bins, frames] and mask [batch, frames] -> [batch, size]."""

    def __init__(self, config: DeepSpeakerGRUConfig, *, bins: int) -> None:
        super().__init__()
        self.size = config.size
        self.halve = Halve(1, config.channels)
        inputs = -(-bins // 2) * config.channels
        widths = [inputs, *(config.hidden for _ in range(config.layers))]
        self.layers = nn.ModuleList(FreeGRU(before, after) for before, after in pairwise(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.affine = nn.Linear(config.hidden, config.size)
        as_keras(self)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Frames run forward only: what stands behind an utterance comes too late to be heard."""
        x, real = self.halve(features.unsqueeze(1), mask)
        heard = x.flatten(1, 2)
        for layer in self.layers:
            heard = layer(heard)
        y: Tensor = self.affine(self.dropout(masked_mean(heard, real)))
        return y
