"""The front end, first layer of every model: samples in, features out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.features import Spectral, Waveform
from sonant.nn.frontend_config import (
    FRONT_ENDS,
    FrontEndConfig,
    LogMelConfig,
    MfccConfig,
    RawConfig,
    SpectrogramConfig,
)
from sonant.nn.moments import Moments
from sonant.nn.resize import interpolation
from sonant.nn.spectrum import Dft

__all__ = [
    "FRONT_ENDS",
    "FrontEnd",
    "FrontEndConfig",
    "LogMelConfig",
    "MfccConfig",
    "RawConfig",
    "SpectrogramConfig",
]

CHUNK_BYTES = 1 << 19
"""Features that one thread computes at a time: they stay in its second cache."""
UNVARIED = 1e-6
"""A deviation below this share of the mean is rounding: float32 has seven digits."""


class _Resizing(NamedTuple):
    """How the features of one length of clip become an image."""

    across: Tensor
    """Weights [bins, wanted bins]."""
    along: Tensor
    """Weights [frames, wanted frames]."""
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
        self.transform: Waveform | Spectral = (
            Waveform(config) if isinstance(config, RawConfig) else Spectral(config, rate_hz=rate_hz)
        )
        if config.normalise != "none":
            columns = self.transform.bins if config.normalise == "per_bin" else 1
            self.register_buffer("mean", torch.zeros(columns))
            self.register_buffer("std", torch.ones(columns))

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; "auto" is the matrix product in an export, else the FFT."""
        return self.transform.spectrum.dft if isinstance(self.transform, Spectral) else "auto"

    @dft.setter
    def dft(self, dft: Dft) -> None:
        if isinstance(self.transform, Spectral):
            self.transform.spectrum.dft = dft

    def shape(self, samples: int) -> tuple[int, int]:
        """Bins and frames of a clip of so many samples; raises `ModelError` for one too short."""
        frames = self.transform.count(samples)
        return self.config.resize or (self.transform.bins, frames)

    def forward(self, samples: Tensor) -> Tensor:
        """[batch, 1, samples] -> [batch, bins, frames]; raises `ModelError` for clips too short."""
        size = self._resizing(samples)
        frames = size.frames if size else None
        with _float32(samples):
            spread = self._spread() if self.config.normalise != "none" else None
            features = [
                self._finished(self._transformed(chunk, frames), spread, size)
                for chunk in self._chunks(samples, frames)
            ]
            return features[0] if len(features) == 1 else torch.cat(features)

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
            with _float32(samples):
                for chunk in self._chunks(samples, None):
                    moments.add(self._transformed(chunk, None).flatten(0, 1))
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

    def _chunks(self, samples: Tensor, frames: Tensor | None) -> Sequence[Tensor]:
        """[batch, 1, samples] as pieces [clips, samples] whose features fit the cache."""
        if samples.dim() != 3 or samples.shape[1] != 1:
            raise ModelError(
                f"the front end wants samples as [batch, 1, samples], got {list(samples.shape)}"
            )
        clips = samples.squeeze(1).float()
        if clips.device.type != "cpu" or torch.compiler.is_compiling():
            return (clips,)
        count = self.transform.count(clips.shape[-1]) if frames is None else len(frames)
        room = CHUNK_BYTES * torch.get_num_threads() // (4 * count * self.transform.bins)
        return clips.split(max(1, room))  # type: ignore[no-untyped-call, no-any-return]

    def _transformed(self, clips: Tensor, frames: Tensor | None) -> Tensor:
        """[batch, samples] -> [batch, frames, bins]."""
        if self.config.pre_emphasis:
            before = F.pad(clips, (1, 0))[:, :-1]
            clips = torch.sub(clips, before, alpha=self.config.pre_emphasis)
        features: Tensor = self.transform(clips, frames)
        return features

    def _resizing(self, samples: Tensor) -> _Resizing | None:
        """How clips of this length are resized; often half of the frames are enough for it."""
        if self.config.resize is None:
            return None
        bins, wanted = self.config.resize
        across = interpolation(self.transform.bins, bins)
        along = interpolation(self.transform.count(samples.shape[-1]), wanted)
        used = np.flatnonzero(along.any(axis=0))
        frames = None
        whole = self.transform.reduces_over_clip or self.dft == "matmul"
        if len(used) < along.shape[1] and not whole and not torch.compiler.is_exporting():
            along = along[:, used]
            frames = torch.from_numpy(used).to(samples.device)
        return _Resizing(_constant(across, samples), _constant(along, samples), frames)

    def _finished(self, features: Tensor, spread: Tensor | None, size: _Resizing | None) -> Tensor:
        """[batch, frames, bins], normalised and resized -> [batch, bins, frames]."""
        if spread is not None:
            features = (features - self.mean).div_(spread)
        if size is None:
            return features.transpose(1, 2).contiguous()
        return (features @ size.across).transpose(1, 2) @ size.along

    def _spread(self) -> Tensor:
        """What to divide by: the deviation; of bins that never varied, the largest there is."""
        varied = self.std > UNVARIED * self.mean.abs()
        largest = torch.where(varied, self.std, 0.0).max()
        return torch.where(varied, self.std, torch.where(largest > 0, largest, 1.0))


def _float32(samples: Tensor) -> AbstractContextManager[object]:
    """Bf16 has three digits: too few for a spectrum. An exported graph knows no autocast."""
    if torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(samples.device.type, enabled=False)


def _constant(weights: NDArray[np.float32], like: Tensor) -> Tensor:
    """A matrix, turned to stand on the right of a product, where the samples are."""
    return torch.from_numpy(weights.T.copy()).to(like.device)
