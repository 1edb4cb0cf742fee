"""Convolutions and pooling over time that stream: every output frame is a window of the past.

Nothing is padded at the end of time. An output frame sees the `span` input frames that end with its
own; frames before the stream's beginning are zeros. With `lookahead`, the answer for a frame comes
so many frames later, which the layer states as its `delay`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.small_conv import SmallConv2d
from sonant.nn.streaming import State, Streamable, Windowed, whole

Pair: TypeAlias = tuple[int, int]
"""(time, frequency)."""


@final
class Conv1d(Windowed):
    """A convolution over time, [batch, inputs, frames] to [batch, outputs, frames / stride]."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        lookahead: int = 0,
        bias: bool = True,
    ) -> None:
        """`lookahead` of the kernel's frames lie behind the frame that is answered."""
        span = (kernel - 1) * dilation + 1
        super().__init__([inputs], span=span, stride=stride, lookahead=lookahead)
        self.conv = nn.Conv1d(
            inputs, outputs, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias
        )

    def over(self, x: Tensor) -> Tensor:
        """The plain convolution."""
        y: Tensor = self.conv(x)
        return y


@final
class Conv2d(Windowed):
    """A convolution over time and frequency; pairs are (time, frequency).

    [batch, inputs, bins, frames] to [batch, outputs, bins_out, frames / stride]. Time is causal;
    frequency has `pad_bins` zeros at both ends. Raises `ModelError` when the kernel is longer than
    the padded frequencies.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Pair,
        *,
        bins: int,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        groups: int = 1,
        pad_bins: int = 0,
        lookahead: int = 0,
        bias: bool = True,
    ) -> None:
        """`bins` is the number of frequencies of the input."""
        time, frequency = ((size - 1) * gap + 1 for size, gap in zip(kernel, dilation, strict=True))
        super().__init__([inputs, bins], span=time, stride=stride[0], lookahead=lookahead)
        if frequency > bins + 2 * pad_bins:
            raise ModelError(
                f"a convolution over {frequency} bins, but there are {bins} with {pad_bins} more at "
                f"each end; make its kernel or dilation in frequency smaller, or pad more"
            )
        self.bins_out = (bins + 2 * pad_bins - frequency) // stride[1] + 1
        """Frequencies of the output."""
        self.conv = SmallConv2d(
            inputs,
            outputs,
            kernel[::-1],
            stride=stride[::-1],
            dilation=dilation[::-1],
            padding=(pad_bins, 0),
            groups=groups,
            bias=bias,
        )

    def over(self, x: Tensor) -> Tensor:
        """The plain convolution."""
        y: Tensor = self.conv(x)
        return y


@final
class ConvTranspose1d(Streamable):
    """`stride` frames out of each, overlapping: [batch, inputs, frames] to [..., frames * stride].

    An output frame is complete when the input frame that begins it has come: there is no delay.
    What reaches past the newest frame is the state, and is added to what comes next.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int, bias: bool = True
    ) -> None:
        super().__init__()
        if kernel < 1 or stride < 1:
            raise ModelError(
                f"a transposed convolution of kernel {kernel} and stride {stride}: want both above 0"
            )
        self.hop = whole(Fraction(1, stride))
        self.receptive_field = -(-kernel // stride)
        self.overlap = max(0, kernel - stride)
        self.outputs = outputs
        self.conv = nn.ConvTranspose1d(
            inputs,
            outputs,
            kernel,
            stride=stride,
            output_padding=max(0, stride - kernel),
            bias=False,
        )
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def initial_state(self, like: Tensor) -> State:
        """Nothing reaches over from before the beginning."""
        return like.new_zeros(like.shape[0], self.outputs, self.overlap) if self.overlap else ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Overlap and add."""
        y: Tensor = self.conv(x)
        after: State = ()
        if self.overlap:
            assert isinstance(state, Tensor)
            ready = y.shape[-1] - self.overlap
            y = y + F.pad(state.to(y.dtype), (0, ready))
            y, after = y[..., :ready], y[..., ready:]
        return y if self.bias is None else y + self.bias[:, None], after


@final
class AvgPool(Windowed):
    """The mean of each channel over `span` frames, every `stride` of them; bins stay."""

    def __init__(self, shape: Sequence[int], span: int, *, stride: int = 1) -> None:
        super().__init__(shape, span=span, stride=stride)

    def over(self, x: Tensor) -> Tensor:
        """The plain pooling."""
        return means(x, self.span, stride=self.stride)


@final
class MaxPool(Windowed):
    """The greatest value of each channel in `span` frames, every `stride` of them; bins stay.

    Silence before the beginning counts as zeros, so that a first answer is never below 0.
    """

    def __init__(self, shape: Sequence[int], span: int, *, stride: int = 1) -> None:
        super().__init__(shape, span=span, stride=stride)

    def over(self, x: Tensor) -> Tensor:
        """The plain pooling."""
        return maxima(x, self.span, stride=self.stride)


def means(x: Tensor, span: int, *, stride: int = 1) -> Tensor:
    """The mean of every `span` frames that lie whole inside `x`, [batch, ..., frames]."""
    if x.dim() == 3:
        return F.avg_pool1d(x, span, stride)
    return F.avg_pool2d(x, (1, span), (1, stride))


def maxima(x: Tensor, span: int, *, stride: int = 1) -> Tensor:
    """The maximum of every `span` frames that lie whole inside `x`, [batch, ..., frames]."""
    if x.dim() == 3:
        return F.max_pool1d(x, span, stride)
    return F.max_pool2d(x, (1, span), (1, stride))
