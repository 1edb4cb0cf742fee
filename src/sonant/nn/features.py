"""The transforms a front end can have: spectrogram, log-mel, MFCC, and the waveform itself."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.frontend_config import (
    LogMelConfig,
    MfccConfig,
    PcenConfig,
    RawConfig,
    SpectralConfig,
)
from sonant.nn.mel import cosine_transform, filter_bank
from sonant.nn.pcen import Pcen
from sonant.nn.spectrum import Framing, Spectrum, window
from sonant.nn.streaming import State

PIECE_BYTES = 3 << 20
"""Windows that one thread transforms at a time: more leave the caches, fewer are all calls."""
WORTH_A_CALL = 1 << 18
"""Samples in a batch of which a copy is dearer than one more transform."""
FILTERS_AT_A_TIME = 16
"""More waste work on zeros, fewer leave half a vector register empty."""
TINY = 1e-30
"""Keeps the slope of the square root finite at digital silence."""


@final
class Waveform(nn.Module):
    """Frames of the samples themselves; [batch, samples] -> [batch, frames, bins]."""

    def __init__(self, config: RawConfig) -> None:
        super().__init__()
        self.bins, self.hop = config.frame_length, config.hop
        self.reduces_over_clip = self.remembers = False

    def count(self, samples: int) -> int:
        """Frames in a clip of so many samples; raises `ModelError` for a clip that is too short."""
        if samples < self.bins:
            raise ModelError(
                f"front_end.frame_length: a clip of {samples} samples is shorter than one frame of "
                f"{self.bins}; use longer clips or shorter frames"
            )
        return 1 + (samples - self.bins) // self.hop

    def initial_memory(self, samples: Tensor) -> State:
        """Nothing."""
        return ()

    def following(self, samples: Tensor, memory: State) -> tuple[Tensor, State]:
        """The frames inside `samples`, which follow those that `memory` is of."""
        return self(samples), memory

    def forward(self, samples: Tensor, frames: Tensor | None = None) -> Tensor:
        """Cut all frames, or those numbered `frames`."""
        count = self.count(samples.shape[-1])
        if isinstance(count, int) and count == 1:
            cut = samples[:, None, : self.bins]
        elif self.hop == self.bins:
            cut = samples[:, : count * self.bins].reshape(-1, count, self.bins)
        elif torch.compiler.is_exporting():
            # Cut by a convolution: as indices, the overlapping frames would be a large constant.
            identity = torch.from_numpy(np.eye(self.bins, dtype=np.float32))
            kernels = identity.to(samples.device).unsqueeze(1)
            cut = F.conv1d(samples.unsqueeze(1), kernels, stride=self.hop).transpose(1, 2)
        else:
            cut = samples.unfold(-1, self.bins, self.hop)
        return cut if frames is None else cut[:, frames]


@final
class Filters(nn.Module):
    """A filter bank; [batch, frames, bins] -> [batch, frames, filters].

    A bank [bins, filters] is mostly zeros. Neighbours share a band of bins, so a few at a time are
    multiplied by their band alone.
    """

    def __init__(self, bank: NDArray[np.float64]) -> None:
        super().__init__()
        self.count = bank.shape[1]
        self.bands: list[slice] = []
        for number, first in enumerate(range(0, bank.shape[1], FILTERS_AT_A_TIME)):
            group = bank[:, first : first + FILTERS_AT_A_TIME]
            used = np.flatnonzero(group.any(axis=1))
            band = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
            weights = torch.from_numpy(group[band]).float()
            self.register_buffer(f"weights{number}", weights, persistent=False)
            self.bands.append(band)

    def forward(self, bins: Tensor) -> Tensor:
        """Weighted sums of bins."""
        rows = bins.flatten(0, 1)
        weights = self.buffers()
        filtered = [torch.mm(rows[:, band], next(weights)) for band in self.bands]
        return torch.cat(filtered, -1).view(*bins.shape[:2], self.count)


@final
class Spectral(nn.Module):
    """Spectrum, filters, logarithm, cosine transform; [batch, samples] -> [batch, frames, bins].

    `power` 2 sums squares inside the product with the filter bank, whose rows are doubled for it.
    """

    cosines: Tensor

    def __init__(self, config: SpectralConfig, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        bank = _bank(config, rate_hz)
        self.filters: Filters | None = None
        used = config.fft // 2 + 1 if bank is None else len(bank)
        self.spectrum = Spectrum(
            Framing(
                window_length=config.window_length,
                hop_length=config.hop_length,
                fft_length=config.fft,
                centre=config.centre,
                pad=config.pad,
            ),
            window(config.window, config.window_length, taper=config.taper),
            bins=used,
        )
        self.bins = used
        if bank is not None:
            self.bins = bank.shape[1]
            # Squares of real and imaginary parts are summed by the product with the bank.
            self.filters = Filters(bank.repeat(2, axis=0) if config.power == 2 else bank)
        if isinstance(config, MfccConfig):
            self.bins = config.coefficients
            cosines = torch.from_numpy(cosine_transform(config.mels, config.coefficients))
            self.register_buffer("cosines", cosines.float(), persistent=False)
        self.pcen: Pcen | None = None
        if isinstance(config, LogMelConfig) and config.log == "pcen":
            self.pcen = Pcen(config.pcen or PcenConfig())
        self.remembers = self.pcen is not None
        self.reduces_over_clip = config.top_db is not None or self.remembers

    def count(self, samples: int) -> int:
        """Frames in a clip of so many samples; raises `ModelError` for a clip that is too short."""
        return self.spectrum.framing.count(samples)

    def initial_memory(self, samples: Tensor) -> State:
        """The smoother of PCEN; else nothing."""
        return samples.new_zeros(samples.shape[0], self.bins) if self.remembers else ()

    def following(self, samples: Tensor, memory: State) -> tuple[Tensor, State]:
        """The frames inside `samples`, which follow those that `memory` is of."""
        return self._finished(self._spectra(samples), memory)

    def forward(self, samples: Tensor, frames: Tensor | None = None) -> Tensor:
        """Transform all frames, or those numbered `frames` (by the FFT only)."""
        values, _ = self._finished(self._spectra(samples, frames), self.initial_memory(samples))
        return values

    def _spectra(self, samples: Tensor, frames: Tensor | None = None) -> Tensor:
        if self.spectrum.by_matmul:
            return self._energies(self.spectrum.matmul(samples))
        return self._by_fft(samples, frames)

    def _finished(self, energies: Tensor, memory: State) -> tuple[Tensor, State]:
        if self.pcen is not None:
            normalised: tuple[Tensor, Tensor] = self.pcen(energies, memory)
            return normalised
        values = self._compressed(energies)
        if isinstance(self.config, MfccConfig):
            values = values @ self.cosines
        return values, memory

    def _by_fft(self, samples: Tensor, frames: Tensor | None) -> Tensor:
        windows, count = self.spectrum.windows, self.count(samples.shape[-1])
        if frames is not None:
            return self._in_pieces(windows(samples, first=0, stop=count)[:, frames])
        first, stop = self.spectrum.framing.inside(samples.shape[-1], span=self.config.fft)
        if stop - first in (0, count) or samples.numel() < WORTH_A_CALL:
            return self._in_pieces(windows(samples, first=0, stop=count))
        # Only windows that reach over the ends need the clip continued, and so a copy of it.
        edges = [windows(samples, first=a, stop=b) for a, b in ((0, first), (stop, count)) if a < b]
        inner = self._in_pieces(windows(samples, first=first, stop=stop))
        outer = self._in_pieces(torch.cat(edges, 1))
        return torch.cat([outer[:, :first], inner, outer[:, first:]], 1)

    def _in_pieces(self, windows: Tensor) -> Tensor:
        """Energies of [batch, frames, samples], a few clips at a time.

        Spectra are many times as large as features, and would fall out of the processor's caches.
        """
        if windows.device.type != "cpu" or torch.compiler.is_compiling():
            return self._energies(self.spectrum.fft(windows))
        room = PIECE_BYTES * torch.get_num_threads() // (4 * windows.shape[1] * windows.shape[2])
        pieces = windows.split(max(1, room))  # type: ignore[no-untyped-call]
        energies = [self._energies(self.spectrum.fft(piece)) for piece in pieces]
        return energies[0] if len(energies) == 1 else torch.cat(energies)

    def _energies(self, squares: Tensor) -> Tensor:
        """Squares [batch, frames, 2 * bins] -> magnitudes or powers of bins or filters."""
        if self.filters is not None and self.config.power == 2:
            filtered: Tensor = self.filters(squares)
            return filtered
        power = squares[..., 0::2] + squares[..., 1::2]
        values = power if self.config.power == 2 else power.add_(TINY).sqrt_()
        return values if self.filters is None else self.filters(values)

    def _compressed(self, values: Tensor) -> Tensor:
        config = self.config
        if config.log == "none":
            return values
        # A root keeps its value for its gradient, which whoever attacks or explains a model asks for.
        values = values.clamp(config.floor) if values.requires_grad else values.clamp_(config.floor)
        if config.log == "ln":
            return values.log_()
        values = values.log10_().mul_(20.0 / config.power)
        if config.top_db is None:
            return values
        return torch.maximum(values, values.amax((1, 2), keepdim=True) - config.top_db)


def _bank(config: SpectralConfig, rate_hz: int) -> NDArray[np.float64] | None:
    """The filters, up to the last bin that any of them uses."""
    if not isinstance(config, LogMelConfig | MfccConfig):
        return None
    half = rate_hz / 2
    max_hz = half if config.max_hz is None else config.max_hz
    if not config.min_hz < max_hz <= half:
        raise ModelError(
            f"front_end.min_hz, max_hz: {config.min_hz:g} to {max_hz:g} Hz does not lie below half "
            f"the sample rate of {rate_hz} Hz; leave out max_hz, or raise data.rate_hz"
        )
    bank = filter_bank(
        config.mels,
        fft_length=config.fft,
        rate_hz=rate_hz,
        min_hz=config.min_hz,
        max_hz=max_hz,
        scale=config.scale,
        norm=config.norm,
        slopes=config.slopes,
    )
    used = np.flatnonzero(bank.any(axis=1))
    if not len(used):
        raise ModelError(
            f"front_end.mels: no bin of the {config.fft}-point transform lies in any of the "
            f"{config.mels} filters; raise fft_length or widen min_hz, max_hz"
        )
    return bank[: used[-1] + 1]
