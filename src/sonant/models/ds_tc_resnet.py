"""DS-TC-ResNet, or MatchboxNet, as a stream: depthwise convolutions along time in residual blocks.

Majumdar and Ginsburg, "MatchboxNet: 1D time-channel separable convolutional neural network
architecture for speech commands recognition" (2020), arXiv 2004.08531, in the form of kws_streaming's
ds_tc_resnet. Kernels see the past alone, or as far ahead as `lookahead` says, while delays hold their
shortcuts back; the mean over the clip is one over the last `frames`. Channels of the default: 128 ->
64 -> 64 -> 64 -> 128 -> 128 -> mean -> labels, frames stay. With 40 features and 12 labels 71,684
parameters; with the paper's 64 features and 30 labels 77,342 (MatchboxNet-3x1x64, 77k), and 92,894
with two convolutions in each block that has a shortcut (3x2x64, 93k).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from torch import nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import positive, same_length
from sonant.models.lookahead import shares
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Delay, Pointwise, Residual, Streamable
from sonant.nn.windows import WindowMean


@dataclass(frozen=True, slots=True, kw_only=True)
class DSTCResNetConfig:
    """One value a block in each list."""

    filters: tuple[int, ...] = (128, 64, 64, 64, 128, 128)
    """Channels behind each block."""
    repeats: tuple[int, ...] = (1, 1, 1, 1, 1, 1)
    """Separable convolutions in each block."""
    kernels: tuple[int, ...] = (11, 13, 15, 17, 29, 1)
    """Frames that each depthwise convolution looks at; odd with look-ahead."""
    dilations: tuple[int, ...] = (1, 1, 1, 1, 2, 1)
    """Frames from one of these to the next."""
    residual: tuple[bool, ...] = (False, True, True, True, False, False)
    """Whether a block has a shortcut: a convolution of one frame and a norm."""
    dropout: float = 0.0
    """Share of values dropped behind each convolution."""
    lookahead: int = 0
    """Frames by which the answer comes later, to be heard first; at most 54 in the default."""

    def __post_init__(self) -> None:
        same_length(
            "blocks",
            filters=self.filters,
            repeats=self.repeats,
            kernels=self.kernels,
            dilations=self.dilations,
            residual=self.residual,
        )
        if not self.filters:
            raise RecipeError("filters: empty; give at least one block")
        positive(filters=self.filters, repeats=self.repeats)
        positive(kernels=self.kernels, dilations=self.dilations)
        shares(self.lookahead, reaches=self.reaches)

    @property
    def reaches(self) -> list[int]:
        """Frames to either side of every depthwise kernel."""
        return [
            (kernel - 1) * dilation // 2
            for kernel, dilation, repeat in zip(
                self.kernels, self.dilations, self.repeats, strict=True
            )
            for _ in range(repeat)
        ]


@final
class DSTCResNet(Chained):
    """Separable convolutions along time at every frame."""

    def __init__(self, config: DSTCResNetConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__(
            *_blocks(config, bins=bins),
            WindowMean([config.filters[-1]], frames),
            Pointwise(nn.Conv1d(config.filters[-1], labels, 1)),
        )


def _blocks(config: DSTCResNetConfig, *, bins: int) -> Iterator[Streamable]:
    ahead, channels = iter(shares(config.lookahead, reaches=config.reaches)), bins
    for outputs, repeat, kernel, dilation, residual in zip(
        config.filters,
        config.repeats,
        config.kernels,
        config.dilations,
        config.residual,
        strict=True,
    ):
        layers: list[Streamable] = []
        inputs = channels
        for number in range(repeat):
            if number:
                layers.append(_activated(config.dropout))
            lookahead = next(ahead)
            layers.append(
                Conv1d(
                    *(inputs, inputs, kernel),
                    dilation=dilation,
                    groups=inputs,
                    lookahead=lookahead,
                    bias=False,
                )
            )
            layers.append(_mixed(inputs, outputs))
            inputs = outputs
        body = Chain(*layers)
        yield (
            Residual(body, _shortcut(channels, outputs, delay=int(body.delay)))
            if residual
            else body
        )
        yield _activated(config.dropout)
        channels = outputs


def _shortcut(inputs: int, outputs: int, *, delay: int) -> Streamable:
    """In step with a body that looks ahead."""
    mixed = _mixed(inputs, outputs)
    return Chain(Delay([inputs], delay), mixed) if delay else mixed


def _mixed(inputs: int, outputs: int) -> Pointwise:
    return Pointwise(
        nn.Sequential(nn.Conv1d(inputs, outputs, 1, bias=False), nn.BatchNorm1d(outputs))
    )


def _activated(dropout: float) -> Pointwise:
    return Pointwise(nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(dropout)))
