"""The light convolutional network with max feature maps, and two LSTM layers both ways behind it.

Lavrentyeva et al., "STC antispoofing systems for the ASVspoof2019 challenge" (2019), as the LFCC-LCNN
baseline of ASVspoof 2021 has it: Wang and Yamagishi, "A comparative study on recent neural spoofing
countermeasures for synthetic speech detection" (2021). Shapes of the default on 60 values: 60 x frames ->
32 channels of 30 x frames / 2 -> 48 of 15 x / 4 -> 64 of 7 x / 8 -> 32 of 3 x / 16 -> 96 a frame -> mean ->
2. 269,826 parameters; the baseline ends in one value for both answers, and has 97 fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError, RecipeError
from sonant.models.dense import positive
from sonant.models.detector import DetectorNetwork
from sonant.nn.free_lstm import FreeBiLSTM
from sonant.nn.pooling import masked_mean
from sonant.nn.spoof_heads import Head, head_for


class Layer(NamedTuple):
    """What a layer does besides its convolution and the maximum of its two halves."""

    kernel: int
    pool: bool
    """Halve bins and frames behind it."""
    norm: bool
    """Bring channels to mean 0 and deviation 1 at its end."""


LAYERS: Final = (
    Layer(5, pool=True, norm=False),
    Layer(1, pool=False, norm=True),
    Layer(3, pool=True, norm=True),
    Layer(1, pool=False, norm=True),
    Layer(3, pool=True, norm=False),
    Layer(1, pool=False, norm=True),
    Layer(3, pool=False, norm=True),
    Layer(1, pool=False, norm=True),
    Layer(3, pool=True, norm=False),
)
SHRINKS: Final = 2 ** sum(layer.pool for layer in LAYERS)
"""Bins, and frames, that become one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LcnnConfig:
    """Narrower channels make a smaller network."""

    channels: tuple[int, ...] = (32, 32, 48, 48, 64, 64, 32, 32, 32)
    """Channels behind each layer; its convolution has twice as many, of which the larger halves stay."""
    dropout: float = 0.7
    """Share of values dropped before the recurrent layers."""
    head: Head = "linear"
    """`cosine` is for the one-class loss."""

    def __post_init__(self) -> None:
        if len(self.channels) != len(LAYERS):
            raise RecipeError(f"channels: {len(self.channels)} values for {len(LAYERS)} layers")
        positive(channels=self.channels)
        if not 0.0 <= self.dropout < 1.0:
            raise RecipeError(f"dropout: {self.dropout} is not in [0, 1)")


@final
class Lcnn(DetectorNetwork):
    """Features [batch, bins, frames] and mask [batch, frames] -> logits [batch, 2]."""

    free = True
    least_frames = SHRINKS

    def __init__(self, config: LcnnConfig, *, bins: int) -> None:
        """Raises `ModelError` where nothing is left of the bins, or of an odd number of values no half."""
        super().__init__()
        size = config.channels[-1] * (bins // SHRINKS)
        if not size or size % 2:
            raise ModelError(
                f"model.channels: {config.channels[-1]} channels of {bins} / {SHRINKS} bins are {size} "
                "values a frame, want an even number above 0"
            )
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        inputs = 1
        for layer, channels in zip(LAYERS, config.channels, strict=True):
            self.convolutions.append(
                nn.Conv2d(inputs, 2 * channels, layer.kernel, padding=layer.kernel // 2)
            )
            norm = nn.BatchNorm2d(channels, affine=False) if layer.norm else nn.Identity()
            self.norms.append(norm)
            inputs = channels
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = nn.ModuleList(FreeBiLSTM(size, size // 2) for _ in range(2))
        self.head = head_for(config.head, size)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Convolutions, both ways along time, and the mean over it."""
        x = features.unsqueeze(1)
        for layer, convolution, norm in zip(LAYERS, self.convolutions, self.norms, strict=True):
            # Frames behind a clip are silence again, which a norm or a bias has ended.
            x = maximum_of_halves(convolution(x * mask[:, None, None]))
            if layer.pool:
                x = F.max_pool2d(x, 2)
                # A pooled frame is real where both of its frames are.
                mask = -F.max_pool1d(-mask.unsqueeze(1), 2).squeeze(1)
            x = norm(x)
        heard = self.dropout(x).flatten(1, 2)
        y = heard
        for both_ways in self.recurrent:
            y = both_ways(y, mask)
        logits: Tensor = self.head(masked_mean(y + heard, mask))
        return logits


def maximum_of_halves(x: Tensor) -> Tensor:
    """The max feature map: [batch, 2 * channels, ...] -> [batch, channels, ...].

    Source: Wu et al., "A light CNN for deep face representation with noisy labels" (2018).
    """
    one, other = x.chunk(2, 1)
    return torch.maximum(one, other)
