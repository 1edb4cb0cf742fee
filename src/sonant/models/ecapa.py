"""ECAPA-TDNN: time-delay layers in residual groups with gates, all depths pooled with attention.

Desplanques, Thienpondt and Demuynck, "ECAPA-TDNN: emphasized channel attention, propagation and
aggregation in TDNN based speaker verification" (2020), arXiv 2005.07143, section 3 and figure 2, with
the norms of SpeechBrain's implementation. Shapes of the default on 64 bins: 64 -> 512 -> 3 x 512,
joined to 1536 -> 1536 at every frame -> 3072 -> 192; 6,153,088 parameters. With 80 bins 6,194,048 (the
paper's 6.2M), with 1024 channels 14,660,416 (its 14.7M), and with 3072 aggregated besides 20,767,552
(SpeechBrain's 20.8M). WeSpeaker's 6.19M and 14.65M are without 3,328 weights of two norms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.models.dense import positive
from sonant.models.embedder import EmbeddingNetwork
from sonant.nn.masked import TimeDelay
from sonant.nn.pooling import AttentiveStatistics, masked_mean

FIRST_KERNEL: Final = 5
"""Frames that the first layer looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcapaConfig:
    """Section 3 of the paper; 1024 channels are its larger network."""

    channels: int = 512
    """Of every layer over frames; a multiple of `groups`."""
    kernel: int = 3
    """Frames that each group looks at; odd."""
    dilations: tuple[int, ...] = (2, 3, 4)
    """Frames from one of these to the next, one value a block."""
    groups: int = 8
    """Parts of the channels in a block, each of which also hears the part before."""
    bottleneck: int = 128
    """Width inside the gates and inside the attention."""
    aggregated: int = 1536
    """Channels of the layer that joins the blocks."""
    size: int = 192
    """Values of an embedding."""

    def __post_init__(self) -> None:
        positive(channels=self.channels, kernel=self.kernel, dilations=self.dilations)
        positive(bottleneck=self.bottleneck, aggregated=self.aggregated, size=self.size)
        if not self.dilations:
            raise RecipeError("dilations: empty; give at least one block")
        if self.kernel % 2 == 0:
            raise RecipeError(
                f"kernel: {self.kernel} is even; a kernel around a frame wants an odd number"
            )
        if self.groups < 2 or self.channels % self.groups:
            raise RecipeError(
                f"groups: {self.groups} do not divide {self.channels} channels into 2 parts or more"
            )


@final
class Ecapa(EmbeddingNetwork):
    """Features [batch, bins, frames] and mask [batch, frames] -> [batch, size]."""

    def __init__(self, config: EcapaConfig, *, bins: int) -> None:
        super().__init__()
        self.size = config.size
        self.first = TimeDelay(bins, config.channels, FIRST_KERNEL)
        self.blocks = nn.ModuleList(Block(config, dilation) for dilation in config.dilations)
        self.join = TimeDelay(len(config.dilations) * config.channels, config.aggregated)
        self.pool = AttentiveStatistics(config.aggregated, attention=config.bottleneck)
        self.norm = nn.BatchNorm1d(2 * config.aggregated)
        self.dense = nn.Linear(2 * config.aggregated, config.size)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Blocks one after the other, all of them joined and pooled."""
        x = self.first(features, mask)
        depths = []
        for block in self.blocks:
            x = block(x, mask)
            depths.append(x)
        joined = self.join(torch.cat(depths, 1), mask)
        y: Tensor = self.dense(self.norm(self.pool(joined, mask)))
        return y


@final
class Block(nn.Module):
    """A Res2Net of time-delay layers with a gate behind it and a shortcut around it."""

    def __init__(self, config: EcapaConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        self.before = TimeDelay(channels, channels)
        self.parts = Res2Net(config, dilation)
        self.after = TimeDelay(channels, channels)
        self.gate = Gate(channels, bottleneck=config.bottleneck)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[batch, channels, frames] in and out."""
        y = self.after(self.parts(self.before(x, mask), mask), mask)
        gated: Tensor = self.gate(y, mask)
        return x + gated


@final
class Res2Net(nn.Module):
    """Channels in groups: the first passes, each other is added to the one before and convolved.

    Source: Gao et al., "Res2Net" (2019), section 3.1.
    """

    def __init__(self, config: EcapaConfig, dilation: int) -> None:
        super().__init__()
        self.groups = config.groups
        width = config.channels // config.groups
        self.layers = nn.ModuleList(
            TimeDelay(width, width, config.kernel, dilation=dilation)
            for _ in range(config.groups - 1)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[batch, channels, frames] in and out."""
        first, *others = x.chunk(self.groups, 1)
        done, before = [first], torch.zeros_like(first)
        for layer, part in zip(self.layers, others, strict=True):
            before = layer(part + before, mask)
            done.append(before)
        return torch.cat(done, 1)


@final
class Gate(nn.Module):
    """Every channel times a value between 0 and 1 that saw the mean of all channels.

    Source: Hu et al., "Squeeze-and-Excitation Networks" (2018), section 3.
    """

    def __init__(self, channels: int, *, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, bottleneck)
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[batch, channels, frames] in and out."""
        inner = torch.relu(self.squeeze(masked_mean(x, mask)))
        return x * torch.sigmoid(self.excite(inner)).unsqueeze(-1)
