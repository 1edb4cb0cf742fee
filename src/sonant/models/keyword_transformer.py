"""Keyword Transformer: attention over the frames of a clip, whole and as a stream.

Berg, O'Connor and Cruz, "Keyword transformer: a self-attention model for keyword spotting" (2021),
arXiv 2104.00769; details that the paper leaves open are those of its authors' code. Norms stand behind
the sums. Shapes of the default, KWT-1, on 98 frames of 40 features: 98 x 64 and a class token -> twelve
times 99 x 64 -> class token 64 -> labels. With 12 labels 607,308 parameters; KWT-2 (width 128, 2
heads) has 2,394,252 and KWT-3 (width 192, 3 heads) 5,360,844.

What slides cannot have the paper's learned positions: a frame would change its place, and with it
every key, at each step. In the stream a depthwise convolution over the frames before tells a frame
from its neighbours (Mohamed et al., "Transformers with convolutional context for ASR", 2019), which
is the same wherever it stands. A class token has no place there either: the answer comes from the
mean over the last `frames`. With 12 labels 604,236 parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import positive
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Pointwise, Residual, Streamable
from sonant.nn.windows import WindowAttention, WindowMean

DEVIATION: Final = 0.02
"""Of the normal distribution that weights are drawn from, cut off at 2 of them."""
EPSILON: Final = 1e-6
"""Of the norms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTransformerConfig:
    """Table 1 of the paper."""

    depth: int = 12
    """Layers of attention."""
    dim: int = 64
    """Width of a frame."""
    heads: int = 1
    """Parts of it that attend by themselves."""
    mlp: int = 256
    """Width of the dense layer behind each attention."""
    dropout: float = 0.0
    """Share of values dropped behind each attention and dense layer."""

    def __post_init__(self) -> None:
        _check(depth=self.depth, dim=self.dim, heads=self.heads, mlp=self.mlp)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTransformerStreamConfig:
    """Table 1 of the paper, and what takes the place of positions."""

    depth: int = 12
    """Layers of attention."""
    dim: int = 64
    """Width of a frame."""
    heads: int = 1
    """Parts of it that attend by themselves."""
    mlp: int = 256
    """Width of the dense layer behind each attention."""
    dropout: float = 0.0
    """Share of values dropped behind each attention and dense layer."""
    window: int = 16
    """Frames that each attention sees, the newest among them; `depth` of them lie end to end."""
    context: int = 15
    """Frames of the convolution that takes the place of positions."""

    def __post_init__(self) -> None:
        _check(depth=self.depth, dim=self.dim, heads=self.heads, mlp=self.mlp)
        positive(window=self.window, context=self.context)


class KeywordTransformer(nn.Module):
    """The network of the paper, for whole clips."""

    def __init__(
        self, config: KeywordTransformerConfig, *, bins: int, frames: int, labels: int
    ) -> None:
        super().__init__()
        self.project = nn.Linear(bins, config.dim)
        self.token = nn.Parameter(torch.empty(1, 1, config.dim))
        self.positions = nn.Parameter(torch.empty(1, frames + 1, config.dim))
        self.layers = nn.Sequential(*(Layer(config) for _ in range(config.depth)))
        self.dense = nn.Linear(config.dim, labels)
        _initialise(self)
        for drawn in (self.token, self.positions):
            nn.init.trunc_normal_(drawn, std=DEVIATION, a=-2 * DEVIATION, b=2 * DEVIATION)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]."""
        frames = self.project(features.transpose(1, 2))
        token = self.token.expand(frames.shape[0], -1, -1).to(frames.dtype)
        rows = self.layers(torch.cat([token, frames], 1) + self.positions)
        logits: Tensor = self.dense(rows[:, 0])
        return logits


class Layer(nn.Module):
    """Attention of every frame to every frame, then a dense layer; [batch, frames, dim]."""

    def __init__(self, config: KeywordTransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attend = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.merge = nn.Linear(config.dim, config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.dim, EPSILON)
        self.dense = dense(config.dim, config.mlp, dropout=config.dropout)
        self.dense_norm = nn.LayerNorm(config.dim, EPSILON)

    def forward(self, rows: Tensor) -> Tensor:
        """Norms stand behind the sums."""
        query, keys, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.attend(rows).chunk(3, 2)
        )
        answer = F.scaled_dot_product_attention(query, keys, values).transpose(1, 2).flatten(2)
        rows = self.norm(rows + self.dropout(self.merge(answer)))
        normed: Tensor = self.dense_norm(rows + self.dense(rows))
        return normed


@final
class KeywordTransformerStream(Chained):
    """The same layers at every frame, each with a window on the frames before."""

    def __init__(
        self, config: KeywordTransformerStreamConfig, *, bins: int, frames: int, labels: int
    ) -> None:
        dim = config.dim
        super().__init__(
            Pointwise(nn.Conv1d(bins, dim, 1)),
            Residual(Conv1d(dim, dim, config.context, groups=dim)),
            *(layer for _ in range(config.depth) for layer in _layers(config)),
            WindowMean([dim], frames),
            Pointwise(nn.Conv1d(dim, labels, 1)),
        )
        _initialise(self)


def _layers(config: KeywordTransformerStreamConfig) -> Iterator[Streamable]:
    """Those of `Layer`; queries, keys and values have biases."""
    dim = config.dim
    attention = WindowAttention(dim, heads=config.heads, window=config.window)
    yield Residual(Chain(attention, Pointwise(nn.Dropout(config.dropout))))
    yield Pointwise(ByFrame(nn.LayerNorm(dim, EPSILON)))
    yield Residual(Pointwise(ByFrame(dense(dim, config.mlp, dropout=config.dropout))))
    yield Pointwise(ByFrame(nn.LayerNorm(dim, EPSILON)))


@final
class ByFrame(nn.Module):
    """A module on the values of one frame, applied to all: [batch, channels, frames] in and out."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Channels last, and back."""
        y: Tensor = self.module(x.transpose(1, 2))
        return y.transpose(1, 2)


def dense(dim: int, width: int, *, dropout: float) -> nn.Sequential:
    """Two dense layers on the last axis, `dim` to `width` and back."""
    return nn.Sequential(
        nn.Linear(dim, width), nn.GELU(), nn.Linear(width, dim), nn.Dropout(dropout)
    )


def _initialise(network: nn.Module) -> None:
    """Weights as the authors draw them, and no biases."""
    for part in network.modules():
        if isinstance(part, nn.Linear | nn.Conv1d):
            nn.init.trunc_normal_(part.weight, std=DEVIATION, a=-2 * DEVIATION, b=2 * DEVIATION)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _check(*, depth: int, dim: int, heads: int, mlp: int) -> None:
    positive(depth=depth, dim=dim, heads=heads, mlp=mlp)
    if dim % heads:
        raise RecipeError(f"heads: {heads} do not divide the {dim} values of dim")
