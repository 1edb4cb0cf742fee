"""Linear-frequency cepstra with deltas, as the first layer of a spoof detector."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.frontend import FrontEnd
from sonant.nn.frontend_config import SpectrogramConfig
from sonant.nn.mel import cosine_transform
from sonant.nn.spectrum import Dft
from sonant.nn.spoof_features_config import LfccConfig
from sonant.nn.utterance import lengths_of, real_frames, silent_behind


@final
class LfccFrontEnd(nn.Module):
    """Cepstra, deltas and delta-deltas of clips that differ in length, and which frames are real.

    [batch, 1, samples], PCM in [-1, 1], and lengths [batch] in samples -> features [batch, 3 *
    coefficients, frames] and a mask [batch, frames] of ones and zeros. The first coefficient is the
    logarithm of the frame's energy. A frame is real where its window lies whole inside the clip, and
    features outside the mask are zeros; what stands behind a clip is never looked at. Source: Sahidullah,
    Kinnunen and Hanilçi, "A comparison of features for synthetic speech detection" (2015); sizes, the band
    up to 4 kHz and the energy are those of the LFCC-LCNN baseline of ASVspoof 2021. The baseline lays
    windows over the clip's ends; these stay inside.
    """

    bank: Tensor
    cosines: Tensor

    def __init__(self, config: LfccConfig, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.rate_hz = rate_hz
        self.bins = config.bins
        self.front_end = FrontEnd(
            SpectrogramConfig(
                window_length=config.window_length,
                hop_length=config.hop_length,
                fft_length=config.fft_length,
                window="hamming",
                pre_emphasis=config.pre_emphasis,
                power=2,
            ),
            rate_hz=rate_hz,
        )
        bank = linear_bank(config, rate_hz=rate_hz)
        self.register_buffer("bank", torch.from_numpy(bank).float(), persistent=False)
        cosines = cosine_transform(config.coefficients, config.coefficients)
        self.register_buffer("cosines", torch.from_numpy(cosines).float(), persistent=False)

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; see `FrontEnd`."""
        return self.front_end.dft

    @dft.setter
    def dft(self, dft: Dft) -> None:
        self.front_end.dft = dft

    def samples_for(self, frames: int) -> int:
        """The shortest clip that has so many frames, in samples."""
        return self.config.window_length + (frames - 1) * self.config.hop_length

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features and mask; without `lengths` every clip is as long as `samples`.

        Raises `ModelError` for shapes that do not fit.
        """
        lengths = lengths_of(samples, lengths)
        samples = silent_behind(samples, lengths, least=self.config.window_length)
        cepstra = self._cepstra(self.front_end(samples))
        mask = real_frames(
            lengths,
            frames=cepstra.shape[-1],
            window=self.config.window_length,
            hop=self.config.hop_length,
        )
        deltas = change(cepstra, mask)
        features = torch.cat([cepstra, deltas, change(deltas, mask)], 1)
        return features * mask.unsqueeze(1), mask

    def _cepstra(self, power: Tensor) -> Tensor:
        """Power spectra [batch, bins, frames] -> [batch, coefficients, frames]."""
        with _float32(power):
            frames = power[:, : len(self.bank)].transpose(1, 2)
            energies = frames @ self.bank
            cepstra = (energies + self.config.floor).log10() @ self.cosines
            whole = frames.sum(-1, keepdim=True) / self.config.fft_length
            loudness = (whole + self.config.floor).log10()
            return torch.cat([loudness, cepstra[..., 1:]], -1).transpose(1, 2)


def change(features: Tensor, mask: Tensor) -> Tensor:
    """The next frame less the one before, [batch, bins, frames] in and out.

    Beyond the first and the last real frame stand those frames themselves.
    """
    after = torch.cat([features[..., 1:], features[..., -1:]], -1)
    # Where no real frame follows, the frame itself does.
    follows = torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], -1).unsqueeze(1)
    after = torch.where(follows > 0, after, features)
    before = torch.cat([features[..., :1], features[..., :-1]], -1)
    return after - before


def linear_bank(config: LfccConfig, *, rate_hz: int) -> NDArray[np.float64]:
    """Overlapping triangles evenly spaced in hertz, as weights [bins, filters] of spectrum bins.

    Raises `ModelError` where the band reaches beyond half the rate, or a filter holds no bin.
    """
    half = rate_hz / 2
    highest = half if config.max_hz is None else config.max_hz
    if highest > half:
        raise ModelError(
            f"front_end.max_hz: {highest:g} Hz is above half the sample rate of {rate_hz} Hz; lower it, "
            "or raise data.rate_hz"
        )
    spacing = rate_hz / config.fft_length
    bins_hz = np.arange(int(highest / spacing) + 1) * spacing
    edges = np.linspace(0.0, highest, config.coefficients + 2)
    width = edges[1] - edges[0]
    bank: NDArray[np.float64] = np.maximum(
        0.0, 1.0 - np.abs(bins_hz[:, None] - edges[1:-1]) / width
    )
    if not bank.any(axis=0).all():
        raise ModelError(
            f"front_end.coefficients: {config.coefficients} filters up to {highest:g} Hz are more than the "
            f"{len(bins_hz)} bins there can tell apart; take fewer, or a longer transform"
        )
    return bank


def _float32(power: Tensor) -> AbstractContextManager[object]:
    """Energies span more than the three digits of bf16. An exported graph knows no autocast."""
    if torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(power.device.type, enabled=False)
