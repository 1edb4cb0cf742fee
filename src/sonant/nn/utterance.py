"""The front end of speaker models: utterances of any length in, features and a mask out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.frontend import FrontEnd, LogMelConfig, SpectrogramConfig
from sonant.nn.mel import Array, hz_from_mel, mel_from_hz
from sonant.nn.pooling import masked_mean
from sonant.nn.running import RunningCentre
from sonant.nn.spectrum import Dft
from sonant.nn.utterance_config import (
    UTTERANCES,
    DeepSpeakerFeaturesConfig,
    UtteranceConfig,
    UtteranceFeatures,
)

__all__ = [
    "UTTERANCES",
    "DeepSpeakerFeaturesConfig",
    "UtteranceConfig",
    "UtteranceFeatures",
    "UtteranceFrontEnd",
]

NOTHING: Final = 2.220446049250313e-16
"""The energy that Deep Speaker's features have where there is none."""
FLAT: Final = 1e-12
"""Least deviation of a frame that is divided by."""


@final
class UtteranceFrontEnd(nn.Module):
    """Features of utterances that differ in length, and which of their frames are real.

    [batch, 1, samples], PCM in [-1, 1], and lengths [batch] in samples -> features [batch, bins,
    frames] and a mask [batch, frames] of ones and zeros. Features outside the mask are zeros. A frame
    is real where its window lies whole inside the utterance; an utterance shorter than one window is
    filled with silence to one. What stands in `samples` behind an utterance is never looked at.
    """

    bank: Tensor

    def __init__(self, config: UtteranceFeatures, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.rate_hz = rate_hz
        self.bins = config.mels
        self.mean = config.mean if isinstance(config, UtteranceConfig) else "none"
        self.running = RunningCentre(config.mels)
        if isinstance(config, UtteranceConfig):
            self.front_end = FrontEnd(log_mel(config), rate_hz=rate_hz)
        else:
            self.front_end = FrontEnd(_power_spectrum(config), rate_hz=rate_hz)
            bank = bank_on_bins(config.mels, fft_length=config.fft, rate_hz=rate_hz)
            weights = torch.from_numpy(bank / config.fft).float()
            self.register_buffer("bank", weights, persistent=False)

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; see `FrontEnd`."""
        return self.front_end.dft

    @dft.setter
    def dft(self, dft: Dft) -> None:
        self.front_end.dft = dft

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features and mask; without `lengths` every utterance is as long as `samples`.

        Raises `ModelError` for shapes that do not fit.
        """
        lengths = lengths_of(samples, lengths)
        samples = silent_behind(samples, lengths, least=self.config.window_length)
        features = self._features(samples)
        window, hop = self.config.window_length, self.config.hop_length
        mask = real_frames(lengths, frames=features.shape[-1], window=window, hop=hop)
        if self.mean == "utterance":
            features = features - masked_mean(features, mask).unsqueeze(-1)
        elif self.mean == "running":
            features = self.running(features)
        return features * mask.unsqueeze(1), mask

    def utterances(self, samples: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same by the name that front ends which stream have for it."""
        features, mask = self(samples, lengths)
        return features, mask

    def _features(self, samples: Tensor) -> Tensor:
        features: Tensor = self.front_end(samples)
        if isinstance(self.config, UtteranceConfig):
            return features
        with _float32(samples):
            energies = (features.transpose(1, 2) @ self.bank).clamp(min=NOTHING).transpose(1, 2)
        centred = energies - energies.mean(1, keepdim=True)
        spread = centred.square().mean(1, keepdim=True).sqrt()
        return centred / spread.clamp(min=FLAT)


def lengths_of(samples: Tensor, lengths: Tensor | None) -> Tensor:
    """The samples of each utterance, [batch]: as given, or all there are.

    Raises `ModelError` for shapes that do not fit.
    """
    if samples.dim() != 3 or samples.shape[1] != 1:
        raise ModelError(
            f"a speaker model wants samples as [batch, 1, samples], got {list(samples.shape)}"
        )
    if lengths is None:
        return torch.full_like(samples[:, 0, 0], samples.shape[-1], dtype=torch.int64)
    if lengths.shape != samples.shape[:1]:
        raise ModelError(
            f"lengths are {list(lengths.shape)} for samples {list(samples.shape)}; give one number "
            f"of samples for each utterance, [batch]"
        )
    return lengths


def silent_behind(samples: Tensor, lengths: Tensor, *, least: int) -> Tensor:
    """Utterances with silence behind them, in at least so many samples."""
    # An exported graph takes no fewer, so that its shapes stay arithmetic.
    if not torch.compiler.is_exporting() and samples.shape[-1] < least:
        samples = F.pad(samples, (0, least - samples.shape[-1]))
    places = torch.arange(samples.shape[-1], device=samples.device)
    # Not a product: what stands behind may be anything, even no number.
    return torch.where(places < lengths[:, None, None], samples, 0.0)


def real_frames(lengths: Tensor, *, frames: int, window: int, hop: int) -> Tensor:
    """Ones where windows lie whole inside utterances of such lengths, [batch, frames].

    The first frame is real in any case.
    """
    real = 1 + torch.div(lengths.clamp(min=window) - window, hop, rounding_mode="floor")
    return (torch.arange(frames, device=lengths.device) < real[:, None]).float()


def bank_on_bins(mels: int, *, fft_length: int, rate_hz: int) -> NDArray[np.float64]:
    """Overlapping triangles whose edges are rounded down to bins, [bins, mels].

    Of narrow filters that fall on one bin nothing is left. Source: python_speech_features'
    `get_filterbanks`, from 0 Hz to half the rate.
    """
    low, high = mel_from_hz(np.array([0.0, rate_hz / 2]), "htk")
    edges_hz = hz_from_mel(np.linspace(low, high, mels + 2), "htk")
    edges = np.floor((fft_length + 1) * edges_hz / rate_hz)
    bins = np.arange(fft_length // 2 + 1, dtype=np.float64)[:, None]
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - left) / np.maximum(1, peak - left)
    falling = (right - bins) / np.maximum(1, right - peak)
    bank: Array = np.where(bins < peak, rising, falling) * ((bins >= left) & (bins < right))
    return bank


def log_mel(config: UtteranceConfig) -> LogMelConfig:
    """The front end of one window that an utterance's features are made by."""
    return LogMelConfig(
        window_length=config.window_length,
        hop_length=config.hop_length,
        mels=config.mels,
        min_hz=config.min_hz,
        max_hz=config.max_hz,
        pre_emphasis=config.pre_emphasis,
        floor=config.floor,
        log="ln",
        centre=False,
    )


def _power_spectrum(config: DeepSpeakerFeaturesConfig) -> SpectrogramConfig:
    return SpectrogramConfig(
        window_length=config.window_length,
        hop_length=config.hop_length,
        window="rectangular",
        pre_emphasis=config.pre_emphasis,
        power=2,
    )


def _float32(samples: Tensor) -> AbstractContextManager[object]:
    """Energies span more than the three digits of bf16. An exported graph knows no autocast."""
    if torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(samples.device.type, enabled=False)
