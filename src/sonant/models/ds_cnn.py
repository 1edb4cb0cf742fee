"""DS-CNN: a convolution, depthwise separable ones, and a mean over what is left of the clip.

Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers" (2017), in its
three sizes. Pairs are (time, frequency). The paper pads both axes, and its mean is over the whole
clip; here, as in kws_streaming's streaming form (Rybakov et al. 2020), time is not padded, so that a
window of a stream is exactly a clip. Shapes of `small` on 49 frames of 10 MFCC, time x frequency x
channels: 20x5x64, 18x5x64, 16x5x64, 14x5x64, 12x5x64 -> mean 64 -> labels. With 12 labels 23,756
parameters and 1,152 running statistics, together the 24,908 of MLPerf Tiny's DS-CNN. `medium` has
138,128 and `large` 416,772 parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, final

from torch import nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained, image, rows
from sonant.models.sizes import Pair, Window, sizes
from sonant.nn.layers import Conv2d
from sonant.nn.streaming import Pointwise, Streamable
from sonant.nn.windows import WindowMean

Size: TypeAlias = Literal["small", "medium", "large"]


class Shape(NamedTuple):
    """One size of the paper."""

    channels: int
    """Of every convolution."""
    stride: Pair
    """(time, frequency) steps of the first convolution."""
    strides: tuple[Pair, ...]
    """(time, frequency) steps of each depthwise convolution."""


SHAPES: Final[dict[Size, Shape]] = {
    "small": Shape(64, (2, 2), ((1, 1),) * 4),
    "medium": Shape(172, (2, 1), ((2, 2), *((1, 1),) * 3)),
    "large": Shape(276, (2, 1), ((2, 2), *((1, 1),) * 4)),
}
FIRST: Final[Pair] = (10, 4)
SEPARABLE: Final[Pair] = (3, 3)
PAD_BINS: Final = 1
"""On either side, for both kernels: as near to the paper's padding as an even kernel comes."""

SMALLER: Final = "make model.size smaller"


@dataclass(frozen=True, slots=True, kw_only=True)
class DSCNNConfig:
    """One of the paper's three networks."""

    size: Size = "small"
    """small: 4 separable layers of 64 channels; medium: 4 of 172; large: 5 of 276."""
    dropout: float = 0.2
    """Share of values dropped before the answer."""

    def __post_init__(self) -> None:
        if self.size not in SHAPES:
            raise RecipeError(f"size: {self.size!r} is not one of {', '.join(SHAPES)}")


@final
class DSCNN(Chained):
    """Convolutions that look along one axis of channels or of the image at a time."""

    def __init__(self, config: DSCNNConfig, *, bins: int, frames: int, labels: int) -> None:
        shape = SHAPES[config.size]
        time, frequency = sizes(_windows(shape), bins=bins, frames=frames)[-1]
        super().__init__(
            image(bins),
            *_convolutions(shape, bins=bins),
            Pointwise(nn.AvgPool2d((frequency, 1))),
            rows(),
            WindowMean([shape.channels], time),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(nn.Conv1d(shape.channels, labels, 1)),
        )
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")


def _convolutions(shape: Shape, *, bins: int) -> Iterator[Streamable]:
    layer = Conv2d(1, shape.channels, FIRST, bins=bins, stride=shape.stride, pad_bins=PAD_BINS)
    yield from _normed(layer, shape.channels)
    for stride in shape.strides:
        layer = Conv2d(
            shape.channels,
            shape.channels,
            SEPARABLE,
            bins=layer.bins_out,
            stride=stride,
            groups=shape.channels,
            pad_bins=PAD_BINS,
        )
        yield from _normed(layer, shape.channels)
        yield from _normed(Pointwise(nn.Conv2d(shape.channels, shape.channels, 1)), shape.channels)


def _normed(layer: Streamable, channels: int) -> tuple[Streamable, ...]:
    return layer, Pointwise(nn.BatchNorm2d(channels)), Pointwise(nn.ReLU())


def _windows(shape: Shape) -> list[Window]:
    first = Window(
        kind="convolution", kernel=FIRST, stride=shape.stride, pad_bins=PAD_BINS, mend=SMALLER
    )
    return [
        first,
        *(
            Window(
                kind="depthwise convolution",
                kernel=SEPARABLE,
                stride=stride,
                pad_bins=PAD_BINS,
                mend=SMALLER,
            )
            for stride in shape.strides
        ),
    ]
