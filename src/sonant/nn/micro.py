"""The features of microcontrollers: mel magnitudes without noise, at an even gain, as logarithms."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.features import Waveform
from sonant.nn.frontend_config import MicroConfig, RawConfig
from sonant.nn.mel import filter_bank
from sonant.nn.smoothing import smoothed
from sonant.nn.spectrum import Framing, Spectrum
from sonant.nn.streaming import State

PCM = 32768.0
"""The original counts in the steps of 16-bit samples."""
WEIGHT = 4096
"""Steps in a weight of 1, of the window and the filters."""
UNIT = 64
"""Steps in one unit of a magnitude, of what the gain control gives, and of a logarithm."""
FEATURE = 0.0390625
"""What a step of the output is worth to microWakeWord and the wheel: 10 / 256."""
FINE = 16.0
"""Steps above which one step makes no difference, and half of one, the mean, is taken off instead."""
HIGHEST_GAIN = 32767 / 2**21
"""Gains are 16-bit numbers with 21 bits behind the point."""
FFT_BITS, FFT_NOISE = 15, 0.35
"""Bits of the original's Fourier transform, and the power that rounding adds to each of its bins, in
steps squared. Fitted to the wheel on 60 clips of Speech Commands: 0.2 to 0.4 are as good."""


@final
class Micro(nn.Module):
    """The TFLite micro front end in floating point; [batch, samples] -> [batch, frames, bins].

    Rounds down as the original where it shows: the logarithm of one step is 5.2, of none 0. The
    rounding of its 16-bit Fourier transform is noise, and only its power is added. The FFT runs in
    double precision, that no rounding of ours puts a value on the other side of a step. The samples'
    rounding has no slope: gradients with respect to them are zero. Source: TensorFlow,
    `tensorflow/lite/experimental/microfrontend/lib`.
    """

    weights: Tensor
    bank: Tensor

    def __init__(self, config: MicroConfig, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.bins = config.mels
        self.fft = config.fft
        self.remembers = self.reduces_over_clip = True
        span = config.window_length
        self.frames = Waveform(RawConfig(frame_length=span, hop_length=config.hop_length))
        framing = Framing(window_length=span, hop_length=span, fft_length=self.fft)
        self.spectrum = Spectrum(framing, np.ones(span), bins=self.fft // 2 + 1)
        half_turns = (np.arange(span) + 0.5) * np.pi / span
        self.register_buffer("weights", _steps(np.sin(half_turns) ** 2), persistent=False)
        self.register_buffer("bank", _steps(_bank(config, rate_hz)), persistent=False)

    def count(self, samples: int) -> int:
        """Frames in a clip of so many samples; raises `ModelError` for a clip that is too short."""
        if samples < self.config.window_length:
            return self.spectrum.framing.count(samples)
        return self.frames.count(samples)

    def initial_memory(self, samples: Tensor) -> State:
        """No noise heard yet."""
        return samples.new_zeros(samples.shape[0], 2, self.bins)

    def forward(self, samples: Tensor, frames: Tensor | None = None) -> Tensor:
        """Transform all frames; the noise in each is known from those before."""
        assert frames is None  # `reduces_over_clip` says that all are needed
        features, _ = self.following(samples, self.initial_memory(samples))
        return features

    def following(self, samples: Tensor, memory: State) -> tuple[Tensor, State]:
        """The frames inside `samples`, which follow those that the noise in `memory` was heard in.

        `memory` [batch, 2, bins] is the noise, and what float32 cannot hold of it.
        """
        assert isinstance(memory, Tensor)
        self.count(samples.shape[-1])
        signal = self._signal(samples)
        noise = self._noise(signal, memory.to(signal.dtype).sum(1))
        unit = UNIT / self.fft
        clean = torch.maximum(signal - noise, self.config.min_signal_remaining * signal)
        clean = _down(clean) / unit
        if self.config.gain_control:
            clean = _down(self._evened(clean, noise / unit) * UNIT) / unit
        steps = torch.where(clean > 1.0, clean.clamp(min=1.0).log() * UNIT, 0.0)
        last = noise[:, -1]
        held = last.float()
        return (steps * FEATURE).float(), torch.stack([held, (last - held).float()], 1)

    def _signal(self, samples: Tensor) -> Tensor:
        """Magnitudes of the filters in steps, [batch, frames, bins]."""
        by_matmul = self.spectrum.by_matmul
        frames: Tensor = self.frames(samples if by_matmul else samples.double())
        frames = (frames * PCM * self.weights.to(frames.dtype)).floor()
        # The original shifts each frame up until it fills its bits; half a step keeps logs off edges.
        top = frames.abs().amax(-1, keepdim=True).clamp(min=1.0) + 0.5
        step = torch.exp2(top.log2().floor() + 1 - FFT_BITS) * self.fft
        squares = self._squares(frames.flatten(0, 1), by_matmul).view(*frames.shape[:2], -1)
        powers = squares[..., 0::2] + squares[..., 1::2] + FFT_NOISE * (step * step)
        return _down((powers @ self.bank.to(powers.dtype)).sqrt() * (UNIT / self.fft))

    def _squares(self, windows: Tensor, by_matmul: bool) -> Tensor:
        if by_matmul:
            return self.spectrum.matmul(windows)
        return self.spectrum.fft(F.pad(windows, (0, self.fft - windows.shape[-1]))[:, None])

    def _noise(self, signal: Tensor, before: Tensor) -> Tensor:
        """The smoothed past of every channel; neighbours are smoothed at two speeds."""
        even = smoothed(signal[..., 0::2], before[:, 0::2], share=self.config.smoothing_even)
        odd = smoothed(signal[..., 1::2], before[:, 1::2], share=self.config.smoothing_odd)
        return torch.stack([even, odd], -1).flatten(-2)

    def _evened(self, clean: Tensor, noise: Tensor) -> Tensor:
        """The signal over its background; a square up to 2, then a line."""
        gain = (noise + self.config.gain_offset).pow(-self.config.gain_strength)
        ratio = clean * gain.clamp(max=HIGHEST_GAIN)
        return torch.where(ratio < 2.0, ratio * ratio / 4, ratio - 1.0)


def _down(steps: Tensor) -> Tensor:
    """Rounded down where a step counts."""
    return torch.where(steps < FINE, steps.floor(), steps - 0.5)


def _steps(weights: NDArray[np.float64]) -> Tensor:
    """Weights as the original holds them."""
    return torch.from_numpy(np.floor(weights * WEIGHT + 0.5) / WEIGHT)


def _bank(config: MicroConfig, rate_hz: int) -> NDArray[np.float64]:
    if config.max_hz > rate_hz / 2:
        raise ModelError(
            f"front_end.max_hz: {config.max_hz:g} Hz does not lie below half the sample rate of "
            f"{rate_hz} Hz; lower max_hz, or raise data.rate_hz"
        )
    return filter_bank(
        config.mels,
        fft_length=config.fft,
        rate_hz=rate_hz,
        min_hz=config.min_hz,
        max_hz=config.max_hz,
        scale="htk",
        norm="none",
        slopes="mel",
    )
