"""BC-ResNet as a stream: the layers of `bc_resnet` with convolutions that see the past alone.

Kim et al., "Broadcasted residual learning for efficient keyword spotting" (2021), arXiv 2106.04140.
The average over frequency is one of each frame, so that only the convolutions in time change: what
they saw of the future, they now see of the past, or come to see by `lookahead`, while delays hold
their shortcuts back. The mean over the clip becomes one over the last `frames`. Shapes and parameter
counts are those of `bc_resnet`: with 12 labels 9,232 at width 1 and 54,168 at width 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, final

from torch import Tensor, nn

from sonant.models.bc_resnet import BANDS, STAGES, check_bins, check_width
from sonant.models.chained import Chained, image
from sonant.models.lookahead import shares
from sonant.nn.layers import Conv1d, Conv2d
from sonant.nn.norms import SubSpectralNorm
from sonant.nn.streaming import Chain, Delay, Pointwise, Residual, Streamable
from sonant.nn.windows import WindowMean

REACHES: Final = (2, *(stage.dilation for stage in STAGES for _ in range(stage.blocks)), 2)
"""Frames to either side of the kernels in time: that of the head, of each block and of the tail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BCResNetStreamConfig:
    """Table 1 of the paper, scaled in width."""

    width: float = 1.0
    """t, the number behind the name: 1, 1.5, 2, 3, 6 and 8 are published; a multiple of 0.125."""
    dropout: float = 0.1
    """Share of channels dropped from the average over frequency, behind its convolutions."""
    lookahead: int = 0
    """Frames by which the answer comes later, to be heard first; at most 58."""

    def __post_init__(self) -> None:
        check_width(self.width)
        shares(self.lookahead, reaches=REACHES)


@final
class BCResNetStream(Chained):
    """The network of the paper, at every frame."""

    def __init__(
        self, config: BCResNetStreamConfig, *, bins: int, frames: int, labels: int
    ) -> None:
        check_bins(bins)
        width = int(8 * config.width)
        ahead = shares(config.lookahead, reaches=REACHES)
        head = Conv2d(
            *(1, 2 * width, (5, 5)),
            bins=bins,
            stride=(1, 2),
            pad_bins=2,
            lookahead=ahead[0],
            bias=False,
        )
        blocks = list(_blocks(config, bins=head.bins_out, lookaheads=ahead[1:-1]))
        channels, bins = blocks[-1].outputs, blocks[-1].bins_out
        tail = Conv2d(
            *(channels, channels, (5, 5)),
            bins=bins,
            groups=channels,
            lookahead=ahead[-1],
            bias=False,
        )
        super().__init__(
            image(bins=head.shape[1]),
            head,
            _normed(2 * width),
            *(_block(plan) for plan in blocks),
            tail,
            Pointwise(nn.Conv2d(channels, 4 * width, 1, bias=False)),
            _normed(4 * width),
            Pointwise(BinMean()),
            WindowMean([4 * width], frames),
            Pointwise(nn.Conv1d(4 * width, labels, 1)),
        )


@final
class BinMean(nn.Module):
    """The mean of a frame's bins: [batch, channels, bins, frames] -> [batch, channels, frames]."""

    def forward(self, x: Tensor) -> Tensor:
        """Each frame by itself."""
        return x.mean(2)


class _Plan(NamedTuple):
    """Everything a block is made of."""

    inputs: int
    outputs: int
    bins: int
    bins_out: int
    stride: int
    dilation: int
    lookahead: int
    dropout: float


def _blocks(config: BCResNetStreamConfig, *, bins: int, lookaheads: list[int]) -> Iterator[_Plan]:
    width = int(8 * config.width)
    channels, ahead = 2 * width, iter(lookaheads)
    for stage in STAGES:
        for number in range(stage.blocks):
            outputs = int(width * stage.width)
            stride = stage.stride if number == 0 else 1
            bins_out = -(-bins // stride)
            yield _Plan(
                *(channels, outputs, bins, bins_out),
                stride=stride,
                dilation=stage.dilation,
                lookahead=next(ahead),
                dropout=config.dropout,
            )
            channels, bins = outputs, bins_out


def _block(plan: _Plan) -> Chain:
    """x + f2(x) + f1(average of f2(x) over frequency); a change of width leaves out x."""
    body: Streamable = Chain(
        *([] if plan.inputs == plan.outputs else _change(plan.inputs, plan.outputs)),
        Conv2d(
            *(plan.outputs, plan.outputs, (1, 3)),
            bins=plan.bins,
            stride=(1, plan.stride),
            groups=plan.outputs,
            pad_bins=1,
            bias=False,
        ),
        Pointwise(SubSpectralNorm(plan.outputs, bands=BANDS)),
        Residual(_spread(plan), _held([plan.outputs, plan.bins_out], plan.lookahead)),
    )
    if plan.inputs == plan.outputs:
        body = Residual(body, _held([plan.inputs, plan.bins], plan.lookahead))
    return Chain(body, Pointwise(nn.ReLU()))


def _change(inputs: int, outputs: int) -> tuple[Streamable, Streamable]:
    return Pointwise(nn.Conv2d(inputs, outputs, 1, bias=False)), _normed(outputs)


def _spread(plan: _Plan) -> Chain:
    """f1: what the average over frequency says about all bins of a frame."""
    channels = plan.outputs
    return Chain(
        Pointwise(BinMean()),
        Conv1d(
            *(channels, channels, 3),
            dilation=plan.dilation,
            groups=channels,
            lookahead=plan.lookahead,
            bias=False,
        ),
        Pointwise(
            nn.Sequential(
                nn.BatchNorm1d(channels),
                nn.SiLU(inplace=True),
                nn.Conv1d(channels, channels, 1, bias=False),
                nn.Dropout1d(plan.dropout),
                nn.Unflatten(1, (channels, 1)),
            )
        ),
    )


def _held(shape: list[int], frames: int) -> Delay | None:
    """A shortcut in step with a branch that looks ahead."""
    return Delay(shape, frames) if frames else None


def _normed(channels: int) -> Pointwise:
    return Pointwise(nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)))
