"""Pooling of frames into one vector an utterance, where only the frames under a mask count.

Frames are [batch, channels, frames], masks [batch, frames] of ones and zeros with at least a one each.
"""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor, nn

LEAST_VARIANCE: Final = 1e-6
"""Keeps the slope of the root finite where a channel does not vary."""
UNSEEN: Final = 1e4
"""Taken from the score of a frame outside the mask; e to the minus of it is 0 in any float."""


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean over the frames under the mask, [batch, channels]."""
    return weighted_mean(x, shares(mask))


def masked_statistics(x: Tensor, mask: Tensor) -> Tensor:
    """Means, then standard deviations, over the frames under the mask, [batch, 2 * channels].

    Source: Snyder et al., "X-vectors" (2018), section 3.2. Deviations are of the population.
    """
    return weighted_statistics(x, shares(mask))


def shares(mask: Tensor) -> Tensor:
    """What each frame weighs in a mean, [batch, 1, frames]."""
    return (mask / mask.sum(-1, keepdim=True)).unsqueeze(1)


def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """The mean with `weights` [batch, 1 or channels, frames] that sum to 1 over frames."""
    return (x * weights).sum(-1)


def weighted_statistics(x: Tensor, weights: Tensor) -> Tensor:
    """Mean and deviation with such weights, [batch, 2 * channels]."""
    mean = weighted_mean(x, weights)
    variance = weighted_mean((x - mean.unsqueeze(-1)).square(), weights)
    return torch.cat([mean, variance.clamp(min=LEAST_VARIANCE).sqrt()], 1)


@final
class AttentiveStatistics(nn.Module):
    """Means and deviations in which each channel attends to frames of its own.

    [batch, channels, frames] -> [batch, 2 * channels]. The attention of a frame is computed from it and
    from the statistics of the whole utterance. Source: Desplanques et al., "ECAPA-TDNN" (2020), section
    3.1; Okabe et al., "Attentive Statistics Pooling" (2018).
    """

    def __init__(self, channels: int, *, attention: int) -> None:
        """`attention` is the width of the layer between."""
        super().__init__()
        self.inner = nn.Conv1d(3 * channels, attention, 1)
        self.norm = nn.BatchNorm1d(attention)
        self.scores = nn.Conv1d(attention, channels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Attend, then pool."""
        context = masked_statistics(x, mask).unsqueeze(-1).expand(-1, -1, x.shape[-1])
        inner = self.norm(torch.relu(self.inner(torch.cat([x, context], 1))))
        scores = self.scores(torch.tanh(inner)) + (mask.unsqueeze(1) - 1) * UNSEEN
        return weighted_statistics(x, scores.softmax(-1))
