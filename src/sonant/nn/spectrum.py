"""The short-time Fourier transform: where windows lie, and two ways to compute it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError

Dft: TypeAlias = Literal["auto", "fft", "matmul"]
Shape: TypeAlias = Literal["hann", "hamming", "rectangular"]
Taper: TypeAlias = Literal["auto", "periodic", "symmetric"]


def window(shape: Shape, length: int, *, taper: Taper = "auto") -> NDArray[np.float64]:
    """A window of `length` samples, float64.

    `periodic` would close one sample behind the last, `symmetric` closes on it. All libraries agree
    for even lengths (periodic); `auto` follows TensorFlow for odd ones too (symmetric).
    """
    periodic = taper == "periodic" or (taper == "auto" and length % 2 == 0)
    base = {"hann": 0.5, "hamming": 0.54, "rectangular": 1.0}[shape]
    angles = 2.0 * np.pi / max(1, length - (not periodic)) * np.arange(length)
    values: NDArray[np.float64] = base - (1.0 - base) * np.cos(angles)
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """Where the windows of a clip lie."""

    window_length: int
    """Samples under the window."""
    hop_length: int
    """Samples from one window to the next."""
    fft_length: int
    """Points of the Fourier transform."""
    centre: bool = False
    """Around multiples of the hop, or only inside the clip."""
    pad: Literal["reflect", "zeros"] = "reflect"
    """How `centre` continues the clip."""

    @property
    def lead(self) -> int:
        """Samples that the first window reaches out in front of the clip.

        A window shorter than the transform lies in its middle, as in librosa and torch.
        """
        if not self.centre:
            return 0
        return self.fft_length // 2 - (self.fft_length - self.window_length) // 2

    def count(self, samples: int) -> int:
        """Windows in a clip of so many samples; raises `ModelError` for one that is too short."""
        if not self.centre:
            if samples < self.window_length:
                raise ModelError(
                    f"front_end.window_length: a clip of {samples} samples is shorter than one "
                    f"window of {self.window_length}; use longer clips or a shorter window"
                )
            return 1 + (samples - self.window_length) // self.hop_length
        if samples < 1 or (self.pad == "reflect" and samples <= self.lead):
            raise ModelError(
                f"front_end.window_length: a clip of {samples} samples is too short to be mirrored "
                f"for half a window of {self.window_length}; use longer clips, a shorter window, "
                f"or pad = 'zeros'"
            )
        return 1 + (samples - self.fft_length % 2) // self.hop_length

    def inside(self, samples: int, *, span: int) -> tuple[int, int]:
        """The first window that lies in a clip with all of its `span`, and the next that does not."""
        first = -(-self.lead // self.hop_length)
        stop = (samples + self.lead - span) // self.hop_length + 1
        return first, max(first, min(stop, self.count(samples)))

    def continued(self, samples: Tensor, *, first: int, stop: int, span: int) -> Tensor:
        """The part of [batch, samples] under windows `first` up to `stop`, each `span` long.

        Where they reach over the ends of the clip it is a copy, else the clip's own memory.
        """
        length = samples.shape[-1]
        start = first * self.hop_length - self.lead
        end = (stop - 1) * self.hop_length - self.lead + span
        before = max(0, -start)
        # Samples of the span behind the window are multiplied by nothing, and need no mirror.
        after = max(0, end - span + self.window_length - length)
        rest = max(0, end - length - after)
        body = samples[:, max(0, start) : min(end, length)]
        if self.pad == "reflect" and before + after:
            # Faster than `F.pad`, whose mirror is scalar code on the CPU.
            in_front = samples[:, 1 : before + 1].flip(-1)
            behind = samples[:, length - 1 - after : length - 1].flip(-1)
            body = torch.cat([in_front, body, behind], -1)
            before = after = 0
        return F.pad(body, (before, after + rest)) if before + after + rest else body


@final
class Spectrum(nn.Module):
    """The energy in the Fourier transforms of a clip's windows, by one of two ways.

    Both return [batch, frames, 2 * bins]: the squares of the real and the imaginary part of each
    bin, in turns, so that the FFT's own output needs no copy. The FFT is the faster way to train and
    returns all bins; a product with the matrix of the transform runs in every runtime, is what is
    exported, and returns the first `bins`.
    """

    window: Tensor

    def __init__(self, framing: Framing, weights: NDArray[np.float64], *, bins: int) -> None:
        super().__init__()
        self.framing = framing
        self.bins = bins
        self.dft: Dft = "auto"
        self.weights = tuple(weights.tolist())
        # The place of the window inside the transform turns phases only; in front saves a shift.
        filled = np.pad(weights, (0, framing.fft_length - framing.window_length))
        self.register_buffer("window", torch.from_numpy(filled).float(), persistent=False)

    @property
    def by_matmul(self) -> bool:
        """Which way is to be taken now."""
        return self.dft == "matmul" or (self.dft == "auto" and torch.compiler.is_exporting())

    def windows(self, samples: Tensor, *, first: int, stop: int) -> Tensor:
        """What `fft` wants of [batch, samples]: windows `first` up to `stop`, as a view."""
        span = self.framing.fft_length
        body = self.framing.continued(samples, first=first, stop=stop, span=span)
        return body.unfold(-1, span, self.framing.hop_length)

    def fft(self, windows: Tensor) -> Tensor:
        """Transform [batch, frames, samples]."""
        if not len(windows):  # MKL refuses a transform of nothing
            return windows.new_zeros(*windows.shape[:2], 2 * self.bins)
        return torch.view_as_real(torch.fft.rfft(windows * self.window)).square_().flatten(-2)

    def matmul(self, samples: Tensor) -> Tensor:
        """Transform all windows of [batch, samples]."""
        # Made when asked for: the largest constant of the model serves its export only.
        matrix = fourier_matrix(self.weights, self.framing.fft_length, self.bins)
        kernels = torch.from_numpy(matrix).to(samples.device).unsqueeze(1)
        count, span = self.framing.count(samples.shape[-1]), self.framing.window_length
        body = self.framing.continued(samples, first=0, stop=count, span=span)
        parts = F.conv1d(body.unsqueeze(1), kernels, stride=self.framing.hop_length)
        # Runtimes square by a general power, many times slower than by a product.
        return (parts * parts).transpose(1, 2)


@lru_cache(maxsize=4)
def fourier_matrix(weights: tuple[float, ...], fft_length: int, bins: int) -> NDArray[np.float32]:
    """The windowed transform, [2 * bins, samples]: a cosine and a negative sine for each bin."""
    # Reduced before the multiplication by 2 pi, so that large products lose no digits.
    turns = np.outer(np.arange(bins), np.arange(len(weights))) % fft_length / fft_length
    waves = np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)
    windowed: NDArray[np.float32] = (waves * np.asarray(weights)).astype(np.float32)
    return windowed.reshape(-1, len(weights))
