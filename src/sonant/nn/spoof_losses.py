"""What a spoof detector minimises; logits are [batch, 2], bona fide first, targets [batch] 0 or 1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.nn.spoof_heads import CENTRE, SCALE
from sonant.nn.spoof_losses_config import CrossEntropyConfig, OneClassConfig, SpoofLossConfig


class SpoofLoss(nn.Module, ABC):
    """Logits and truth -> one value a clip, to go down."""

    @abstractmethod
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch, [batch]."""


def spoof_loss_for(config: SpoofLossConfig, *, counts: tuple[int, int]) -> SpoofLoss:
    """The loss a config describes, for so many bona fide and spoofed clips of training."""
    match config:
        case CrossEntropyConfig():
            return WeightedCrossEntropy(weights_of(config, counts))
        case OneClassConfig():
            return OneClassSoftmax(config)


def weights_of(config: CrossEntropyConfig, counts: tuple[int, int]) -> tuple[float, float]:
    """What a bona fide and a spoofed clip weigh; the mean over the clips of training is 1."""
    bonafide, spoof = config.weights
    if config.weigh == "counts":
        bonafide, spoof = 1.0 / counts[0], 1.0 / counts[1]
    mean = (bonafide * counts[0] + spoof * counts[1]) / sum(counts)
    return bonafide / mean, spoof / mean


@final
class WeightedCrossEntropy(SpoofLoss):
    """Cross-entropy times the weight of the clip's label."""

    weights: Tensor

    def __init__(self, weights: tuple[float, float]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        return F.cross_entropy(logits, targets, reduction="none") * self.weights[targets]


@final
class OneClassSoftmax(SpoofLoss):
    """ln(1 + e^(scale (margin - cosine))) of bona fide clips, ln(1 + e^(scale (cosine - margin))) of others.

    The cosine is that of a `CosineHead`, read back from its logits. Source: Zhang, Jiang and Duan,
    "One-class learning towards synthetic voice spoofing detection" (2021).
    """

    def __init__(self, config: OneClassConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        cosine = (logits[:, 0] - logits[:, 1]) / SCALE + CENTRE
        high, low = self.config.margins
        short = torch.where(targets == 0, high - cosine, cosine - low)
        return F.softplus(self.config.scale * short)
