"""MixedNet, the network of microWakeWord: depthwise convolutions of several lengths side by side.

Ahrendt, microWakeWord (2024), after Tan and Le, "MixConv: mixed depthwise convolutional kernels"
(2019), and MatchboxNet (`ds_tc_resnet`). Only the first convolution skips frames, and nothing but the
past is seen. Shapes of the default on 99 frames of 40 features, frames x channels: 33 x 32 -> four
times 33 x 64 -> the last 33 frames, flat: 2,112 -> labels, one answer for 3 frames; with 2 labels
28,450 parameters. Theirs ends in one sigmoid and has biases in the depthwise layers, which the norm
behind them takes out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import positive, same_length
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Pointwise, Residual, Streamable, Windowed
from sonant.nn.windows import WindowDense, WindowMax, WindowMean

End: TypeAlias = Literal["flatten", "mean", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedNetConfig:
    """One value a block in each list."""

    first_filters: int = 32
    """Channels of the first convolution."""
    first_kernel: int = 5
    """Frames it looks at."""
    stride: int = 3
    """Frames for one that it gives, and for one answer."""
    filters: tuple[int, ...] = (64, 64, 64, 64)
    """Channels behind each block."""
    repeats: tuple[int, ...] = (1, 1, 1, 1)
    """Mixed convolutions in each block."""
    kernels: tuple[tuple[int, ...], ...] = ((5,), (7, 11), (9, 15), (23,))
    """Frames that the depthwise convolutions of a block look at; its channels are shared among them."""
    residual: tuple[bool, ...] = (False, False, False, False)
    """Whether what goes into each mixed convolution of a block is added to what comes out."""
    end: End = "flatten"
    """What the dense layer sees of the last frames: all of them, their mean, or their maximum."""

    def __post_init__(self) -> None:
        same_length(
            "blocks",
            filters=self.filters,
            repeats=self.repeats,
            kernels=self.kernels,
            residual=self.residual,
        )
        if not self.filters or not all(self.kernels):
            raise RecipeError("filters, kernels: empty; give at least one block, and each a kernel")
        positive(first_filters=self.first_filters, first_kernel=self.first_kernel)
        positive(stride=self.stride, filters=self.filters, repeats=self.repeats)
        positive(kernels=tuple(size for sizes in self.kernels for size in sizes))
        if self.end not in ("flatten", "mean", "max"):
            raise RecipeError(f"end: {self.end!r} is not one of flatten, mean, max")
        for inputs, sizes in zip((self.first_filters, *self.filters), self.kernels, strict=False):
            if len(sizes) > inputs:
                raise RecipeError(f"kernels: {len(sizes)} of them cannot share {inputs} channels")


@final
class MixedNet(Chained):
    """Blocks of mixed convolutions behind one that skips frames."""

    def __init__(self, config: MixedNetConfig, *, bins: int, frames: int, labels: int) -> None:
        first = config.first_filters
        window = -(-frames // config.stride)
        super().__init__(
            Conv1d(bins, first, config.first_kernel, stride=config.stride, bias=False),
            Pointwise(nn.ReLU(inplace=True)),
            *_blocks(config),
            *_end(config.end, config.filters[-1], window, labels=labels),
        )

    def last(self, x: Tensor) -> Tensor:
        """The answer to a clip, with silence before it where it is no whole number of hops."""
        return super().last(F.pad(x, (-x.shape[-1] % int(self.hop), 0)))


@final
class MixedConv(Windowed):
    """Depthwise convolutions of several lengths, each on its share of the channels.

    [batch, channels, frames] in and out; all windows end with the same frame. The first share takes
    the channels that are over.
    """

    def __init__(self, channels: int, kernels: tuple[int, ...]) -> None:
        super().__init__([channels], span=max(kernels))
        self.kernels = kernels
        share, over = divmod(channels, len(kernels))
        self.shares = [share + over, *([share] * (len(kernels) - 1))]
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, kernel, groups=width, bias=False)
            for width, kernel in zip(self.shares, kernels, strict=True)
        )

    def over(self, x: Tensor) -> Tensor:
        """Each share, from where its first window begins."""
        shares = torch.split(x, self.shares, 1)
        answers = [
            conv(share[..., self.span - kernel :])
            for conv, share, kernel in zip(self.convs, shares, self.kernels, strict=True)
        ]
        return torch.cat(answers, 1) if len(answers) > 1 else answers[0]


def _blocks(config: MixedNetConfig) -> Iterator[Streamable]:
    channels = config.first_filters
    for outputs, repeat, kernels, residual in zip(
        config.filters, config.repeats, config.kernels, config.residual, strict=True
    ):
        for number in range(repeat):
            body = Chain(MixedConv(channels, kernels), _mixed(channels, outputs))
            # Of the first in a block, the shortcut must change the width as the body does.
            shortcut = None if number else _mixed(channels, outputs)
            yield Residual(body, shortcut) if residual else body
            yield Pointwise(nn.ReLU(inplace=True))
            channels = outputs


def _end(end: End, channels: int, window: int, *, labels: int) -> tuple[Streamable, ...]:
    if end == "flatten":
        return (WindowDense([channels], labels, window),)
    pooled = WindowMean if end == "mean" else WindowMax
    return pooled([channels], window), Pointwise(nn.Conv1d(channels, labels, 1))


def _mixed(inputs: int, outputs: int) -> Pointwise:
    return Pointwise(
        nn.Sequential(nn.Conv1d(inputs, outputs, 1, bias=False), nn.BatchNorm1d(outputs))
    )
