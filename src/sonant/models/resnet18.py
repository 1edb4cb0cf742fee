"""ResNet-18: eight residual blocks of two 3 x 3 convolutions.

He et al., "Deep Residual Learning for Image Recognition" (2015), table 1 and section 4.1, with the
parameter names of torchvision's `resnet18`, so that weights trained there load strictly
(`sonant.models.pretrained`). Shapes on 64 mel bins and 32 frames, [channels, bins, frames]:
[3, 64, 32] -> [64, 32, 16] -> pooled [64, 16, 8] -> [64, 16, 8] -> [128, 8, 4] -> [256, 4, 2] ->
[512, 2, 1] -> mean 512 -> labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.nn.small_conv import SmallConv2d


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNet18Config:
    """The published network; only its input differs."""

    input_channels: Literal[1, 3] = 3
    """3 repeats the features as the three colours that torchvision's weights know; 1 is cheaper
    and, with its first convolution folded, gives the same answer."""
    pretrained: str = ""
    """File of torchvision's ImageNet weights to start from (.pth, .safetensors); empty for none."""

    def __post_init__(self) -> None:
        if self.input_channels not in (1, 3):
            raise RecipeError(f"input_channels: {self.input_channels} is not 1 or 3")


class ResNet18(nn.Module):
    """Residual blocks on the features as a picture."""

    def __init__(self, config: ResNet18Config, *, bins: int, frames: int, labels: int) -> None:
        super().__init__()
        self.channels = config.input_channels
        self.conv1 = SmallConv2d(self.channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, 64, stride=1)
        self.layer2 = _stage(64, 128, stride=2)
        self.layer3 = _stage(128, 256, stride=2)
        self.layer4 = _stage(256, 512, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, labels)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]; any image size will do."""
        image = features.unsqueeze(1).expand(-1, self.channels, -1, -1)
        image = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        image = self.layer4(self.layer3(self.layer2(self.layer1(image))))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(image), 1))
        return logits


class Block(nn.Module):
    """Two convolutions around which the input takes a shortcut, [batch, channels, bins, frames]."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = SmallConv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = SmallConv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None if stride == 1 else _projection(inputs, outputs, stride=stride)

    def forward(self, image: Tensor) -> Tensor:
        """The shortcut is projected where the size changes."""
        shortcut = image if self.downsample is None else self.downsample(image)
        image = self.relu(self.bn1(self.conv1(image)))
        summed: Tensor = self.relu(self.bn2(self.conv2(image)) + shortcut)
        return summed


def _projection(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        SmallConv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
    )


def _stage(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(inputs, outputs, stride=stride), Block(outputs, outputs, stride=1))
