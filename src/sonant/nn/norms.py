"""Norms that treat every frame alike."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from sonant.errors import ModelError


@final
class SubSpectralNorm(nn.Module):
    """Batch norm for each band of neighbouring bins by itself; [batch, channels, bins, frames].

    Source: Chang et al., "SubSpectral Normalization for Neural Audio Data Processing" (2021), with
    an own scale and shift for each band ("Sub"). Raises `ModelError` when the bands do not divide the
    bins.
    """

    def __init__(self, channels: int, *, bands: int) -> None:
        super().__init__()
        self.channels, self.bands = channels, bands
        self.norm = nn.BatchNorm2d(channels * bands)

    def forward(self, x: Tensor) -> Tensor:
        """Bands become channels, and bins again."""
        if x.shape[2] % self.bands:
            raise ModelError(
                f"sub-spectral norm of {self.bands} bands over {x.shape[2]} bins: choose a number of "
                f"bands that divides the bins"
            )
        y = self.norm(torch.unflatten(x, 2, (self.bands, -1)).flatten(1, 2))
        return torch.unflatten(y, 1, (self.channels, self.bands)).flatten(2, 3)
