"""AASIST: residual layers on a waveform in bands, then graphs over frequency and over time that meet.

Jung et al., "AASIST: audio anti-spoofing using integrated spectro-temporal graph attention networks"
(2022), arXiv 2110.01200. Of 64,600 samples behind 70 filters: 23 bands of 21,490 frames -> 64 channels of
23 x 29 -> graphs of 23 and of 29 nodes -> 11 and 20 -> 5 x 32 values -> 2. 297,866 parameters; with
channels 32, 32, 24, 24, 24, 24, graph = 24 and pools 0.4, 0.5, 0.7 it is AASIST-L with 85,306, both as the
authors' README has them. Each block normalises before its first convolution, as the paper draws it; the
authors' code makes that step and then goes on without its result, and its weights do not fit here.

Bands have a place in their graph and pooling keeps a share of the frames' nodes, so that the network hears
clips of one length: `free` is false.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError, RecipeError
from sonant.models.dense import positive
from sonant.models.detector import DetectorNetwork
from sonant.nn.graph_attention import GraphAttention, GraphPool, TwoKinds
from sonant.nn.spoof_heads import Head, head_for

FIRST_POOL: Final = 3
"""Bands, and frames, that become one before the first block."""
BLOCK_POOL: Final = 3
"""Frames that become one behind each block."""
WAY_DROPOUT: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class AasistConfig:
    """The defaults are AASIST; see above for AASIST-L."""

    channels: tuple[int, ...] = (32, 32, 64, 64, 64, 64)
    """Channels behind each residual block."""
    graph: int = 64
    """Values of a node in the graphs of bands and of frames."""
    joint: int = 32
    """Values of a node where both have met."""
    pools: tuple[float, float, float] = (0.5, 0.7, 0.5)
    """Share of nodes that stay: of bands, of frames, and of both where they have met."""
    temperatures: tuple[float, float, float] = (2.0, 2.0, 100.0)
    """What scores are divided by, in the same order; higher minds all nodes alike."""
    dropout: float = 0.5
    """Share of values dropped before the last layer."""
    head: Head = "linear"
    """`cosine` is for the one-class loss."""

    def __post_init__(self) -> None:
        positive(channels=self.channels, graph=self.graph, joint=self.joint)
        if not self.channels:
            raise RecipeError("channels: empty; give at least one block")
        if not all(0.0 < share <= 1.0 for share in self.pools):
            raise RecipeError(f"pools: {list(self.pools)} are not all in (0, 1]")
        if not all(temperature > 0 for temperature in self.temperatures):
            raise RecipeError(f"temperatures: {list(self.temperatures)} are not all above 0")
        if not 0.0 <= self.dropout < 1.0:
            raise RecipeError(f"dropout: {self.dropout} is not in [0, 1)")


@final
class Aasist(DetectorNetwork):
    """Bands [batch, bands, frames] and a mask that is all ones -> logits [batch, 2]."""

    free = False

    def __init__(self, config: AasistConfig, *, bins: int) -> None:
        """Raises `ModelError` for too few bands."""
        super().__init__()
        nodes = bins // FIRST_POOL
        if not nodes:
            raise ModelError(f"front_end.filters: {bins} bands are fewer than {FIRST_POOL}")
        self.least_frames = FIRST_POOL * BLOCK_POOL ** len(config.channels)
        bands, frames, _ = config.temperatures
        last = config.channels[-1]
        self.first_norm = nn.BatchNorm2d(1)
        self.blocks = nn.Sequential(
            *(Block(before, after) for before, after in pairwise((1, *config.channels)))
        )
        self.places = nn.Parameter(torch.randn(1, nodes, last))
        self.of_bands = GraphAttention(last, config.graph, temperature=bands)
        self.of_frames = GraphAttention(last, config.graph, temperature=frames)
        self.pool_bands = GraphPool(config.graph, share=config.pools[0])
        self.pool_frames = GraphPool(config.graph, share=config.pools[1])
        self.ways = nn.ModuleList(Way(config) for _ in range(2))
        self.dropout = nn.Dropout(config.dropout)
        self.head = head_for(config.head, 5 * config.joint)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Blocks, a graph of bands and one of frames, two ways in which they meet, and what stands out."""
        x = F.max_pool2d(features.abs().unsqueeze(1), FIRST_POOL)
        x = self.blocks(F.selu(self.first_norm(x))).abs()
        bands = self.pool_bands(self.of_bands(x.amax(3).transpose(1, 2) + self.places))
        frames = self.pool_frames(self.of_frames(x.amax(2).transpose(1, 2)))
        one, two = (way(frames, bands) for way in self.ways)
        frames, bands, master = (torch.maximum(a, b) for a, b in zip(one, two, strict=True))
        found = [
            frames.abs().amax(1),
            frames.mean(1),
            bands.abs().amax(1),
            bands.mean(1),
            master[:, 0],
        ]
        logits: Tensor = self.head(self.dropout(torch.cat(found, 1)))
        return logits


@final
class Block(nn.Module):
    """Two convolutions and what came in added, then fewer frames: [batch, channels, bands, frames]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # What comes to the first block has been normalised already.
        self.norm = nn.BatchNorm2d(inputs) if inputs > 1 else None
        self.first = nn.Conv2d(inputs, outputs, (2, 3), padding=(1, 1))
        self.between = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, (2, 3), padding=(0, 1))
        self.shortcut: nn.Module = (
            nn.Identity()
            if inputs == outputs
            else nn.Conv2d(inputs, outputs, (1, 3), padding=(0, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        """As many bands, a third of the frames."""
        y = x if self.norm is None else F.selu(self.norm(x))
        y = self.second(F.selu(self.between(self.first(y))))
        return F.max_pool2d(y + self.shortcut(x), (1, BLOCK_POOL))


@final
class Way(nn.Module):
    """Nodes of frames and of bands attend to each other twice, with a master node of their own."""

    def __init__(self, config: AasistConfig) -> None:
        super().__init__()
        temperature, share = config.temperatures[2], config.pools[2]
        self.master = nn.Parameter(torch.randn(1, 1, config.graph))
        self.first = TwoKinds(config.graph, config.joint, temperature=temperature)
        self.pool_frames = GraphPool(config.joint, share=share)
        self.pool_bands = GraphPool(config.joint, share=share)
        self.second = TwoKinds(config.joint, config.joint, temperature=temperature)
        self.dropout = nn.Dropout(WAY_DROPOUT)

    def forward(self, frames: Tensor, bands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames, bands and master where they have met."""
        frames, bands, master = self.first(frames, bands, self.master)
        frames, bands = self.pool_frames(frames), self.pool_bands(bands)
        more = self.second(frames, bands, master)
        before = (frames, bands, master)
        frames, bands, master = (self.dropout(a + b) for a, b in zip(before, more, strict=True))
        return frames, bands, master
