"""BC-ResNet: an image of frequency by time, and what its average over frequency says, added back to it.

Kim et al., "Broadcasted residual learning for efficient keyword spotting" (2021), arXiv 2106.04140;
details that the paper leaves open are those of its authors' code. Shapes with width t on 40 bins:
[1, 40, frames] -> 16t channels of 20 bins -> two blocks of 8t, 20 -> two of 12t, 10 -> four of 16t, 5
-> four of 20t, 5 -> 32t, 1 -> mean over time -> labels. With 12 labels 9,232 parameters at t = 1, and
17,154, 27,284, 54,168, 187,812, 321,068 at 1.5, 2, 3, 6, 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from sonant.errors import ModelError, RecipeError
from sonant.nn.norms import SubSpectralNorm

BANDS: Final = 5
"""Parts of the frequency axis that are normalised by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Blocks of one width."""

    blocks: int
    """How many there are; the first changes the width."""
    width: float
    """Channels, as a multiple of those of the first stage."""
    stride: int
    """Bins for one bin of the first block."""
    dilation: int
    """Frames between two that the convolutions in time look at."""


STAGES: Final = (
    Stage(blocks=2, width=1.0, stride=1, dilation=1),
    Stage(blocks=2, width=1.5, stride=2, dilation=2),
    Stage(blocks=4, width=2.0, stride=2, dilation=4),
    Stage(blocks=4, width=2.5, stride=1, dilation=8),
)
"""Table 1 of the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BCResNetConfig:
    """Table 1 of the paper, scaled in width."""

    width: float = 1.0
    """t, the number behind the name: 1, 1.5, 2, 3, 6 and 8 are published; a multiple of 0.125."""
    dropout: float = 0.1
    """Share of channels dropped from the average over frequency, behind its convolutions."""

    def __post_init__(self) -> None:
        check_width(self.width)


class BCResNet(nn.Module):
    """The network of the paper, for whole clips: every convolution looks to both sides."""

    def __init__(self, config: BCResNetConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__()
        check_bins(bins)
        width = int(8 * config.width)
        self.head = nn.Sequential(
            nn.Conv2d(1, 2 * width, 5, stride=(2, 1), padding=2, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.Sequential()
        channels = 2 * width
        for stage in STAGES:
            for number in range(stage.blocks):
                outputs = int(width * stage.width)
                stride = stage.stride if number == 0 else 1
                self.blocks.append(
                    Block(
                        channels,
                        outputs,
                        stride=stride,
                        dilation=stage.dilation,
                        dropout=config.dropout,
                    )
                )
                channels = outputs
        self.tail = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=(0, 2), groups=channels, bias=False),
            nn.Conv2d(channels, 4 * width, 1, bias=False),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(inplace=True),
        )
        self.dense = nn.Linear(4 * width, labels)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]."""
        image = self.tail(self.blocks(self.head(features.unsqueeze(1))))
        logits: Tensor = self.dense(image.mean((2, 3)))
        return logits


class Block(nn.Module):
    """x + f2(x) + f1(average of f2(x) over frequency), as in figure 2; a change of width leaves out x."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int, dilation: int, dropout: float
    ) -> None:
        super().__init__()
        self.keeps = inputs == outputs
        self.change = nn.Sequential()
        if not self.keeps:
            self.change.append(nn.Conv2d(inputs, outputs, 1, bias=False))
            self.change.append(nn.BatchNorm2d(outputs))
            self.change.append(nn.ReLU(inplace=True))
        self.frequency = nn.Sequential(
            nn.Conv2d(
                outputs,
                outputs,
                (3, 1),
                stride=(stride, 1),
                padding=(1, 0),
                groups=outputs,
                bias=False,
            ),
            SubSpectralNorm(outputs, bands=BANDS),
        )
        self.time = nn.Sequential(
            nn.Conv1d(
                outputs,
                outputs,
                3,
                padding=dilation,
                dilation=dilation,
                groups=outputs,
                bias=False,
            ),
            nn.BatchNorm1d(outputs),
            nn.SiLU(inplace=True),
            nn.Conv1d(outputs, outputs, 1, bias=False),
            nn.Dropout1d(dropout),
        )

    def forward(self, image: Tensor) -> Tensor:
        """[batch, inputs, bins, frames] -> [batch, outputs, bins / stride, frames]."""
        local: Tensor = self.frequency(self.change(image))
        answer: Tensor = local + self.time(local.mean(2)).unsqueeze(2)
        if self.keeps:
            answer += image  # in place, as the activation: an image is megabytes a batch
        return answer.relu_()


def check_width(width: float) -> None:
    """Refuse a width of which the first stage would get no whole number of channels."""
    if width <= 0 or 8 * width % 1:
        raise RecipeError(
            f"width: {width:g} does not fit; want a multiple of 0.125 above 0, such as 1, 1.5, 2, 3, 6, 8"
        )


def check_bins(bins: int) -> None:
    """Refuse a number of bins whose halves cannot be cut into bands."""
    left = -(-bins // 2)
    for stage in STAGES:
        left = -(-left // stage.stride)
        if left % BANDS:
            raise ModelError(
                f"{bins} bins leave {left} behind stride {stage.stride}, which {BANDS} bands cannot "
                f"share; give a multiple of 40 in the front end (front_end.mels)"
            )
