"""The waveform in bands by a fixed filter bank, as the first layer of a spoof detector."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.nn.mel import hz_from_mel, mel_from_hz
from sonant.nn.spoof_features_config import SincConfig
from sonant.nn.utterance import lengths_of, real_frames, silent_behind


@final
class SincFrontEnd(nn.Module):
    """[batch, 1, samples] and lengths [batch] -> bands [batch, filters, samples - taps + 1], and a mask.

    A value is real where its filter lies whole inside the clip; the others are zeros. Nothing is learned.
    Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet" (2018), with
    the fixed bands of Jung et al., "AASIST" (2022).
    """

    kernels: Tensor

    def __init__(self, config: SincConfig, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.rate_hz = rate_hz
        self.bins = config.bins
        kernels = band_passes(config, rate_hz=rate_hz)
        self.register_buffer("kernels", torch.from_numpy(kernels).float(), persistent=False)

    def samples_for(self, frames: int) -> int:
        """The shortest clip that has so many frames, in samples."""
        return self.config.taps + frames - 1

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Bands and mask; without `lengths` every clip is as long as `samples`.

        Raises `ModelError` for shapes that do not fit.
        """
        lengths = lengths_of(samples, lengths)
        samples = silent_behind(samples, lengths, least=self.config.taps)
        bands = F.conv1d(samples, self.kernels.unsqueeze(1))
        mask = real_frames(lengths, frames=bands.shape[-1], window=self.config.taps, hop=1)
        return bands * mask.unsqueeze(1), mask


def band_passes(config: SincConfig, *, rate_hz: int) -> NDArray[np.float64]:
    """Ideal band-pass filters under a Hamming window, [filters, taps].

    Bands lie side by side from 0 Hz to half the rate, their edges evenly spaced in HTK's mel.
    """
    low, high = mel_from_hz(np.array([0.0, rate_hz / 2]), "htk")
    edges_hz = hz_from_mel(np.linspace(low, high, config.filters + 1), "htk")
    share = 2.0 * edges_hz[:, None] / rate_hz
    middle = (config.taps - 1) / 2
    low_passes = share * np.sinc(share * (np.arange(config.taps) - middle))
    bands: NDArray[np.float64] = np.diff(low_passes, axis=0) * np.hamming(config.taps)
    return bands
