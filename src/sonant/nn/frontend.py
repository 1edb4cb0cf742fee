"""The front end, first layer of every model: samples in, features out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.features import Spectral, Waveform
from sonant.nn.frontend_config import (
    FRONT_ENDS,
    FrontEndConfig,
    LogMelConfig,
    MfccConfig,
    MicroConfig,
    PcenConfig,
    RawConfig,
    SpectrogramConfig,
)
from sonant.nn.micro import Micro
from sonant.nn.moments import Moments
from sonant.nn.resize import interpolation
from sonant.nn.spectrum import Dft
from sonant.nn.streaming import State

__all__ = [
    "FRONT_ENDS",
    "FrontEnd",
    "FrontEndConfig",
    "LogMelConfig",
    "MfccConfig",
    "MicroConfig",
    "PcenConfig",
    "RawConfig",
    "SpectrogramConfig",
]

UNVARIED = 1e-6
"""A deviation below this share of the mean is rounding: float32 has seven digits."""


class _Resizing(NamedTuple):
    """How the features of one length of clip become an image."""

    across: Tensor
    """Weights [bins, wanted bins]."""
    along: Tensor
    """Weights [wanted frames, frames]."""
    frames: Tensor | None
    """Numbers of the frames that `along` is for; None for all."""


@final
class FrontEnd(nn.Module):
    """Features of a batch of clips: transformed, then normalised, then resized.

    [batch, 1, samples], PCM in [-1, 1] -> [batch, bins, frames], float32 whatever the autocast. The
    state dict holds what `adapt` learned and nothing else.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: FrontEndConfig, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.rate_hz = rate_hz
        self.transform = _transform(config, rate_hz)
        if config.normalise != "none":
            columns = self.transform.bins if config.normalise == "per_bin" else 1
            self.register_buffer("mean", torch.zeros(columns))
            self.register_buffer("std", torch.ones(columns))

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; "auto" is the matrix product in an export, else the FFT."""
        return "auto" if isinstance(self.transform, Waveform) else self.transform.spectrum.dft

    @dft.setter
    def dft(self, dft: Dft) -> None:
        if not isinstance(self.transform, Waveform):
            self.transform.spectrum.dft = dft

    def shape(self, samples: int) -> tuple[int, int]:
        """Bins and frames of a clip of so many samples; raises `ModelError` for one too short."""
        frames = self.transform.count(samples)
        return self.config.resize or (self.transform.bins, frames)

    def forward(self, samples: Tensor) -> Tensor:
        """[batch, 1, samples] -> [batch, bins, frames]; raises `ModelError` for clips too short."""
        clips = _clips(samples)
        size = self._resizing(clips)
        with _float32(clips):
            features = self._transformed(clips, size.frames if size else None)
            features = self._normalised(features)
            if size is not None:
                features = size.along @ (features @ size.across)
            return features.transpose(1, 2).contiguous()

    def next_frames(self, samples: Tensor, memory: State) -> tuple[Tensor, State]:
        """The frames inside a part of a stream, [batch, 1, samples], and what they leave behind.

        With pre-emphasis the first sample belongs to the frame before, and is no part of these.
        """
        clips = _clips(samples)
        with _float32(clips):
            if self.config.pre_emphasis:
                clips = self._emphasised(clips)[:, 1:]
            features, memory = self.transform.following(clips, memory)
            features = self._normalised(features)
            return features.transpose(1, 2).contiguous(), memory

    @torch.no_grad()
    def adapt(self, batches: Iterable[Tensor]) -> None:
        """Learn mean and deviation of the features of `batches`, each [batch, 1, samples].

        Of each bin or of all, as `normalise` says, before resizing; "none" looks at nothing. Raises
        `ModelError` where there is nothing to learn from, or a feature is not a finite number.
        """
        if self.config.normalise == "none":
            return
        moments = Moments()
        for samples in batches:
            clips = _clips(samples)
            with _float32(clips):
                moments.add(self._transformed(clips).flatten(0, 1))
        if self.config.normalise == "global":
            moments = moments.pooled()
        if not moments.count:
            raise ModelError("normalise: there are no clips to learn the features' mean from")
        if not (moments.mean.isfinite() & moments.std.isfinite()).all():
            raise ModelError(
                "normalise: features of the training clips are not finite; look for damaged clips "
                "with `sonant data check`, or set front_end.floor above 0"
            )
        self.mean.copy_(moments.mean)
        self.std.copy_(moments.std)

    def _transformed(self, clips: Tensor, frames: Tensor | None = None) -> Tensor:
        """[batch, samples] -> [batch, frames, bins]."""
        if self.config.pre_emphasis:
            clips = self._emphasised(clips)
        features: Tensor = self.transform(clips, frames)
        return features

    def _emphasised(self, clips: Tensor) -> Tensor:
        before = F.pad(clips, (1, 0))[:, :-1]
        return torch.sub(clips, before, alpha=self.config.pre_emphasis)

    def _normalised(self, features: Tensor) -> Tensor:
        if self.config.normalise == "none":
            return features
        return (features - self.mean).div_(self._spread())

    def _resizing(self, clips: Tensor) -> _Resizing | None:
        """How clips of this length are resized; often half of the frames are enough for it."""
        if self.config.resize is None:
            return None
        bins, wanted = self.config.resize
        across = torch.from_numpy(interpolation(self.transform.bins, bins).T)
        along = interpolation(self.transform.count(clips.shape[-1]), wanted)
        used = np.flatnonzero(along.any(axis=0))
        frames = None
        whole = self.transform.reduces_over_clip or self.dft == "matmul"
        if len(used) < along.shape[1] and not whole and not torch.compiler.is_exporting():
            along = along[:, used]
            frames = torch.from_numpy(used).to(clips.device)
        weights = torch.from_numpy(along).to(clips.device)
        return _Resizing(across.to(clips.device), weights, frames)

    def _spread(self) -> Tensor:
        """What to divide by: the deviation; of bins that never varied, the largest there is."""
        varied = self.std > UNVARIED * self.mean.abs()
        largest = torch.where(varied, self.std, 0.0).max()
        return torch.where(varied, self.std, torch.where(largest > 0, largest, 1.0))


def _transform(config: FrontEndConfig, rate_hz: int) -> Waveform | Spectral | Micro:
    if isinstance(config, RawConfig):
        return Waveform(config)
    if isinstance(config, MicroConfig):
        return Micro(config, rate_hz=rate_hz)
    return Spectral(config, rate_hz=rate_hz)


def _clips(samples: Tensor) -> Tensor:
    """[batch, 1, samples] -> [batch, samples] in float32."""
    if samples.dim() != 3 or samples.shape[1] != 1:
        raise ModelError(
            f"the front end wants samples as [batch, 1, samples], got {list(samples.shape)}"
        )
    return samples.squeeze(1).float()


def _float32(clips: Tensor) -> AbstractContextManager[object]:
    """Bf16 has three digits: too few for a spectrum. An exported graph knows no autocast."""
    if torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(clips.device.type, enabled=False)
