"""ResCNN of Deep Speaker: residual convolutions over a spectrogram, mean over time, a dense layer.

Li et al., "Deep Speaker: an end-to-end neural speaker embedding system" (2017), arXiv 1705.02304,
section 3.1; what the paper leaves open is as in philipperemy/deep-speaker. Shapes of the default on 64
bins and 160 frames: 64 x 160 -> 64 channels of 32 x 80 -> 128 of 16 x 40 -> 256 of 8 x 20 -> 512 of
4 x 10 -> 2048 a frame -> mean -> 512; 24,172,288 parameters. Three stages instead of four, as in the
`simple_cnn` of Walleclipse/Deep_Speaker (7M), have 6,728,960.

Keras pads an even length by (1, 2) before a stride of 2, and an odd one by (2, 2). Here every kernel
begins one frame before its place, whatever the length, so that batch mates cannot move it: answers are
Keras' own for lengths that are multiples of 16 frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.models.dense import positive
from sonant.models.embedder import EmbeddingNetwork
from sonant.models.initial import as_keras
from sonant.nn.pooling import masked_mean
from sonant.nn.small_conv import SmallConv2d

CEILING: Final = 20.0
"""Greatest value that an activation lets through."""
EPSILON: Final = 1e-3
"""Of the norms, as in Keras."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResCNNConfig:
    """Section 3.1 of the paper; `stages` (64, 128, 256) is the cut of 7M parameters."""

    stages: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of each stage; each halves bins and frames."""
    blocks: int = 3
    """Residual blocks in each stage."""
    width: float = 1.0
    """Factor of all channels."""
    size: int = 512
    """Values of an embedding."""
    dropout: float = 0.0
    """Share of values dropped before the dense layer; 0.5 in softmax pre-training."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise RecipeError("stages: empty; give at least one")
        if not 0 < self.width <= 8:
            raise RecipeError(f"width: {self.width:g} is not above 0 and at most 8")
        positive(stages=self.stages, size=self.size)
        if self.blocks < 0:
            raise RecipeError(f"blocks: {self.blocks} is below 0")

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each stage at this width."""
        return tuple(max(1, round(stage * self.width)) for stage in self.stages)


@final
class ResCNN(EmbeddingNetwork):
    """Features [batch, bins, frames] and mask [batch, frames] -> [batch, size]."""

    def __init__(self, config: ResCNNConfig, *, bins: int) -> None:
        super().__init__()
        self.size = config.size
        self.stages = nn.ModuleList()
        inputs = 1
        for channels in config.channels:
            self.stages.append(Stage(inputs, channels, blocks=config.blocks))
            inputs, bins = channels, -(-bins // 2)
        self.dropout = nn.Dropout(config.dropout)
        self.affine = nn.Linear(bins * inputs, config.size)
        as_keras(self)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Stages, the mean over time, and a dense layer on bins and channels."""
        x, real = features.unsqueeze(1), mask
        for stage in self.stages:
            x, real = stage(x, real)
        # The order of Keras: bins, and within a bin its channels.
        means = masked_mean(x.transpose(1, 2).flatten(1, 2), real)
        y: Tensor = self.affine(self.dropout(means))
        return y


@final
class Stage(nn.Module):
    """A convolution that halves bins and frames, and residual blocks."""

    def __init__(self, inputs: int, channels: int, *, blocks: int) -> None:
        super().__init__()
        self.halve = Halve(inputs, channels)
        self.blocks = nn.ModuleList(Block(channels) for _ in range(blocks))

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, inputs, bins, frames] -> [batch, channels, bins / 2, frames / 2], and the mask."""
        x, mask = self.halve(x, mask)
        for block in self.blocks:
            x = block(x, mask)
        return x, mask


@final
class Halve(nn.Module):
    """5 x 5 convolution of stride 2, batch norm, clipped ReLU; sizes are rounded up."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv = SmallConv2d(inputs, channels, 5, stride=2)
        self.norm = nn.BatchNorm2d(channels, eps=EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, inputs, bins, frames], zeros outside the mask, in and out."""
        mask = mask[:, ::2]
        y = self.norm(self.conv(F.pad(x, (1, 3, 1, 3))))
        return _shown(_clipped(y), mask), mask


@final
class Block(nn.Module):
    """Two 3 x 3 convolutions, each with batch norm and clipped ReLU, and a shortcut around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.first_norm = nn.BatchNorm2d(channels, eps=EPSILON)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(channels, eps=EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[batch, channels, bins, frames], zeros outside the mask, in and out."""
        y = _shown(_clipped(self.first_norm(self.first(x))), mask)
        y = _clipped(self.second_norm(self.second(y)))
        return _shown(_clipped(y + x), mask)


def _clipped(x: Tensor) -> Tensor:
    return x.clamp(0.0, CEILING)


def _shown(x: Tensor, mask: Tensor) -> Tensor:
    return x * mask[:, None, None, :]
