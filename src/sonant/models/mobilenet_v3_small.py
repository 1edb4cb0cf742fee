"""MobileNetV3-Small: inverted residual blocks with squeeze-and-excitation.

Howard et al., "Searching for MobileNetV3" (2019), table 2, with the parameter names of
torchvision's `mobilenet_v3_small`, so that weights trained there load strictly
(`sonant.models.pretrained`). Shapes on 64 mel bins and 32 frames, [channels, bins, frames]: [3, 64,
32] -> [16, 32, 16] -> [16, 16, 8] -> [24, 8, 4] -> [48, 4, 2] -> [96, 2, 1] -> [576, 2, 1] -> mean
576 -> 1024 -> labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.nn.small_conv import SmallConv2d

NORM: Final = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)


class Row(NamedTuple):
    """One line of the paper's table 2."""

    kernel: int
    expanded: int
    outputs: int
    squeezed: int
    """Channels inside the squeeze: a quarter of the expanded ones, in eights; 0 leaves it out."""
    hard_swish: bool
    stride: int


ROWS: Final = (
    Row(3, 16, 16, 8, False, 2),
    Row(3, 72, 24, 0, False, 2),
    Row(3, 88, 24, 0, False, 1),
    Row(5, 96, 40, 24, True, 2),
    Row(5, 240, 40, 64, True, 1),
    Row(5, 240, 40, 64, True, 1),
    Row(5, 120, 48, 32, True, 1),
    Row(5, 144, 48, 40, True, 1),
    Row(5, 288, 96, 72, True, 2),
    Row(5, 576, 96, 144, True, 1),
    Row(5, 576, 96, 144, True, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileNetV3SmallConfig:
    """The published network; only its input differs."""

    input_channels: Literal[1, 3] = 3
    """3 repeats the features as the three colours that torchvision's weights know; 1 is cheaper
    and, with its first convolution folded, gives the same answer."""
    dropout: float = 0.2
    """Share of values dropped before the answer."""
    pretrained: str = ""
    """File of torchvision's ImageNet weights to start from (.pth, .safetensors); empty for none."""

    def __post_init__(self) -> None:
        if self.input_channels not in (1, 3):
            raise RecipeError(f"input_channels: {self.input_channels} is not 1 or 3")


class MobileNetV3Small(nn.Module):
    """Cheap depthwise blocks on the features as a picture."""

    def __init__(
        self, config: MobileNetV3SmallConfig, *, bins: int, frames: int, labels: int
    ) -> None:
        super().__init__()
        self.channels = config.input_channels
        self.features = nn.Sequential(
            _convolution(self.channels, 16, 3, stride=2, then=nn.Hardswish())
        )
        inputs = 16
        for row in ROWS:
            self.features.append(InvertedResidual(inputs, row))
            inputs = row.outputs
        self.features.append(_convolution(inputs, 576, 1, then=nn.Hardswish()))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(576, 1024),
            nn.Hardswish(),
            nn.Dropout(config.dropout),
            nn.Linear(1024, labels),
        )
        self.apply(_initialise)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]; any image size will do."""
        image = features.unsqueeze(1).expand(-1, self.channels, -1, -1)
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(image)), 1))
        return logits


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, weigh the channels, project.

    [batch, channels, bins, frames] in and out.
    """

    def __init__(self, inputs: int, row: Row) -> None:
        super().__init__()
        activation = nn.Hardswish if row.hard_swish else partial(nn.ReLU, inplace=True)
        self.block = nn.Sequential()
        if row.expanded != inputs:
            self.block.append(_convolution(inputs, row.expanded, 1, then=activation()))
        self.block.append(
            _convolution(
                row.expanded,
                row.expanded,
                row.kernel,
                stride=row.stride,
                groups=row.expanded,
                then=activation(),
            )
        )
        if row.squeezed:
            self.block.append(SqueezeExcitation(row.expanded, row.squeezed))
        self.block.append(_convolution(row.expanded, row.outputs, 1))
        self.shortcut = row.stride == 1 and inputs == row.outputs

    def forward(self, image: Tensor) -> Tensor:
        """The input is added where its size is kept."""
        result: Tensor = self.block(image)
        return result + image if self.shortcut else result


class SqueezeExcitation(nn.Module):
    """Weighs each channel by what all of them hold on average (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, image: Tensor) -> Tensor:
        """[batch, channels, bins, frames] in and out."""
        scale: Tensor = self.fc2(self.activation(self.fc1(self.avgpool(image))))
        weighed: Tensor = self.scale_activation(scale) * image
        return weighed


def _convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    then: nn.Module | None = None,
) -> nn.Sequential:
    """Convolution, normalisation and, if given, an activation."""
    convolution = SmallConv2d(
        inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )
    layers = nn.Sequential(convolution, NORM(outputs))
    return layers if then is None else layers.append(then)


def _initialise(part: nn.Module) -> None:
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_out")
    elif isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, std=0.01)
    else:
        return
    if part.bias is not None:
        nn.init.zeros_(part.bias)
