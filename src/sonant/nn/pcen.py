"""Per-channel energy normalisation: a gain that follows each channel's own loudness."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from sonant.nn.frontend_config import PcenConfig
from sonant.nn.smoothing import smoothed


@final
class Pcen(nn.Module):
    """Divide energies by their smoothed past, then compress by a root.

    The smoother begins at zero, as every state of a stream does; librosa begins it at the first
    frame. Source: Wang et al. 2017, "Trainable Frontend For Robust and Far-Field Keyword Spotting",
    equations 1 to 3.
    """

    def __init__(self, config: PcenConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, energies: Tensor, smoother: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, frames, bins] and the smoother [batch, bins] -> the same, a few frames later."""
        config = self.config
        level = smoothed(energies, smoother, share=config.s)
        gained = energies * (level + config.eps).pow(-config.alpha)
        return (gained + config.delta).pow(config.r) - config.delta**config.r, level[:, -1]
