"""How far a made sound is from the real one, by magnitudes: a vocoder need not meet its phases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

import torch
from torch import Tensor, nn

from sonant.nn.critics import magnitudes
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd

QUIETEST: Final = 1e-3
"""Magnitude below which a bin counts as silent: no logarithm makes much of it."""
LOUDNESS: Final = 0.3
"""Loudness as a power of magnitude, about as ears have it."""


@final
class SpectralLoss(nn.Module):
    """Spectral convergence and distance of log magnitudes, over transforms of several lengths.

    Yamamoto et al., "Parallel WaveGAN" (2020), arXiv 1910.11480, section 2.2. Samples [batch, 1, samples]
    twice -> a scalar, the mean over the resolutions.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        for number, size in enumerate(sizes):
            self.register_buffer(f"window{number}", torch.hann_window(size), persistent=False)

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """The made sound first."""
        return torch.stack([self._at(made, real, window) for window in self.buffers()]).mean()

    def _at(self, made: Tensor, real: Tensor, window: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = magnitudes(real, window)
        found = magnitudes(made, window)
        return apart(found, wanted)


def apart(found: Tensor, wanted: Tensor) -> Tensor:
    """Of magnitudes [batch, bins, frames]: spectral convergence and the mean distance of logarithms."""
    logs = found.clamp(min=QUIETEST).log() - wanted.clamp(min=QUIETEST).log()
    return convergence(found, wanted) + logs.abs().mean()


def convergence(found: Tensor, wanted: Tensor) -> Tensor:
    """The length of the difference as a share of what is wanted, [batch, bins, frames] -> a mean."""
    difference = torch.linalg.vector_norm(found - wanted, dim=(1, 2))
    share = difference / torch.linalg.vector_norm(wanted, dim=(1, 2)).clamp(min=QUIETEST)
    # A segment of silence has nothing to converge to, and must not weigh more than all others.
    mean: Tensor = share.clamp(max=2.0).mean()
    return mean


@final
class LevelLoss(nn.Module):
    """How far magnitudes of bins are from those of real speech, in the frames of a voice's mel spectrogram.

    Magnitudes [batch, bins, frames] and samples [batch, 1, samples] -> a scalar: spectral convergence, and
    the mean distance of loudness, so that quiet bins count, but less than with logarithms. It needs no
    sound to be made, and so no phases to agree.
    """

    window: Tensor

    def __init__(self, config: VoiceMel) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.window_length), persistent=False)

    def forward(self, magnitudes_made: Tensor, real: Tensor) -> Tensor:
        """The made ones first."""
        with torch.no_grad():
            wanted = magnitudes(real, self.window, hop=self.config.hop_length)
            wanted = wanted[..., : magnitudes_made.shape[-1]]
        loudness = (magnitudes_made + QUIETEST) ** LOUDNESS - (wanted + QUIETEST) ** LOUDNESS
        return convergence(magnitudes_made, wanted) + loudness.abs().mean()


@final
class MelLoss(nn.Module):
    """Mean distance of log mel magnitudes, as the vocoder's own front end hears them.

    Samples [batch, 1, samples] twice -> a scalar.
    """

    def __init__(self, front_end: VoiceMelFrontEnd) -> None:
        super().__init__()
        self.front_end = front_end

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """The made sound first."""
        with torch.no_grad():
            wanted = self.front_end(real)
        distance: Tensor = (self.front_end(made) - wanted).abs().mean()
        return distance
