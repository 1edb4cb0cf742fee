"""Victims that can be reckoned with by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.attacks.victims import Victim

SAMPLES = 400


class Linear(Victim):
    """Scores are products with fixed patterns, so that the best change within a bound is known."""

    rate_hz = 16_000

    def __init__(self, *, answers: int = 3, seed: int = 0) -> None:
        super().__init__()
        drawn = torch.Generator().manual_seed(seed)
        self.patterns = torch.randn(answers, SAMPLES, generator=drawn)
        self.names = tuple("abcdefg"[:answers])
        self.asked = 0

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        self.asked += len(samples)
        if lengths is not None:
            places = torch.arange(samples.shape[-1])
            samples = samples * (places < lengths[:, None, None])
        return samples.squeeze(1) @ self.patterns[:, : samples.shape[-1]].T


def clips(count: int = 4, *, seed: int = 1, level: float = 0.1) -> Tensor:
    """[count, 1, SAMPLES]."""
    drawn = torch.Generator().manual_seed(seed)
    return level * torch.randn(count, 1, SAMPLES, generator=drawn).clamp(-3, 3)
