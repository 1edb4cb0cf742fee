"""TC-ResNet as a stream: convolutions along time alone, with the features of a frame as channels.

Choi et al., "Temporal convolution for real-time keyword spotting on mobile devices" (2019), arXiv
1904.03814. A block of two kernels of 9 frames halves the frames, and so does its shortcut; here both
see the past alone, and the mean over the clip is one over the last `frames`. Shapes of the default,
frames x channels, on 98 frames of 40 features: 98 x 16 -> 49 x 24 -> 25 x 32 -> 13 x 48 -> mean 48 ->
labels, one answer for 8 frames. With 12 labels 65,168 parameters and 656 running statistics, the
paper's 66k; 303,000 and 1,608 at depth 14 and width 1.5, its 305k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, TypeAlias, final

from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Pointwise, Residual, Streamable
from sonant.nn.windows import WindowMean

Depth: TypeAlias = Literal[8, 14]
CHANNELS: Final[dict[Depth, tuple[int, ...]]] = {
    8: (16, 24, 32, 48),
    14: (16, 24, 24, 32, 32, 48, 48),
}
"""Of the first convolution and of each block; a block that changes the width halves the frames."""
HOP: Final = 8
"""Frames for one answer: three blocks halve them."""
FIRST_KERNEL: Final = 3
KERNEL: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class TCResNetConfig:
    """One of the paper's networks."""

    depth: Depth = 8
    """Layers with weights: 8 or 14."""
    width: float = 1.0
    """Factor on all channels; 1 and 1.5 are published."""
    dropout: float = 0.5
    """Share of values dropped before the answer."""

    def __post_init__(self) -> None:
        if self.depth not in CHANNELS:
            raise RecipeError(f"depth: {self.depth} is not one of {', '.join(map(str, CHANNELS))}")
        if self.width < 1 / min(CHANNELS[self.depth]):
            raise RecipeError(f"width: {self.width:g} leaves a layer without channels; try 1")


@final
class TCResNet(Chained):
    """Residual blocks of two convolutions along time."""

    def __init__(self, config: TCResNetConfig, *, bins: int, frames: int, labels: int) -> None:
        first, *others = (int(width * config.width) for width in CHANNELS[config.depth])
        last = others[-1]
        super().__init__(
            *_normed(Conv1d(bins, first, FIRST_KERNEL, bias=False), first),
            Pointwise(nn.ReLU(inplace=True)),
            *_blocks(first, others),
            WindowMean([last], -(-frames // HOP)),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(nn.Conv1d(last, labels, 1, bias=False)),
        )

    def last(self, x: Tensor) -> Tensor:
        """The answer to a clip, with silence before it where it is no whole number of hops."""
        return super().last(F.pad(x, (-x.shape[-1] % HOP, 0)))


def _blocks(first: int, others: list[int]) -> Iterator[Streamable]:
    for inputs, outputs in pairwise([first, *others]):
        stride = 1 if inputs == outputs else 2
        body = Chain(
            *_normed(Conv1d(inputs, outputs, KERNEL, stride=stride, bias=False), outputs),
            Pointwise(nn.ReLU(inplace=True)),
            *_normed(Conv1d(outputs, outputs, KERNEL, bias=False), outputs),
        )
        yield Residual(body, _shortcut(inputs, outputs) if stride == 2 else None)
        yield Pointwise(nn.ReLU(inplace=True))


def _shortcut(inputs: int, outputs: int) -> Chain:
    """The second frame of each pair, where the window of the body's first convolution ends too."""
    return Chain(
        *_normed(Conv1d(inputs, outputs, 1, stride=2, bias=False), outputs),
        Pointwise(nn.ReLU(inplace=True)),
    )


def _normed(layer: Streamable, channels: int) -> tuple[Streamable, Streamable]:
    return layer, Pointwise(nn.BatchNorm1d(channels))
