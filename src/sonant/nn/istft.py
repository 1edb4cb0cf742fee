"""Spectra back to sound: the inverse short-time Fourier transform, as a stream."""

from __future__ import annotations

from fractions import Fraction
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.spectrum import Dft, window
from sonant.nn.streaming import State, Streamable
from sonant.nn.two_step_dft import Back


@final
class Istft(Streamable):
    """Spectra around every hop, overlapped and added to sound.

    [batch, 2 x bins, frames], the real parts of all bins and then the imaginary ones, to [batch, 1,
    frames x hop]. A frame reaches half a window back, so the sound trails it by that. Products with small
    matrices are what is exported, since few runtimes have an inverse of the transform for real sound.
    """

    window: Tensor

    def __init__(self, window_length: int, hop_length: int) -> None:
        """Raises `ModelError` unless the window is even and holds two hops or more, all whole."""
        super().__init__()
        parts, rest = divmod(window_length, hop_length)
        if rest or parts < 2 or window_length % 2 or window_length // 2 % hop_length:
            raise ModelError(
                f"a window of {window_length} samples every {hop_length}: want the hop to divide half "
                f"of the window"
            )
        self.window_length, self.hop_length, self.parts = window_length, hop_length, parts
        self.bins = window_length // 2 + 1
        self.hop = Fraction(1, hop_length)
        self.delay = parts // 2
        self.receptive_field = parts
        self.dft: Dft = "auto"
        taper = window("hann", window_length)
        # Squared windows add up to the same at every hop: what they add up to is taken out here.
        total = (taper**2).reshape(parts, hop_length).sum(0)
        weights = taper / np.tile(total, parts)
        self.register_buffer("window", torch.from_numpy(weights).float(), persistent=False)
        # Kept, so that a graph in which the layer stands many times has the matrices once.
        self.back = Back(weights, hop_length)

    @property
    def by_matmul(self) -> bool:
        """Which way the transform goes now; see `Spectrum`."""
        return self.dft == "matmul" or (self.dft == "auto" and torch.compiler.is_exporting())

    def initial_state(self, like: Tensor) -> State:
        """Nothing reaches over from before the beginning."""
        return like.new_zeros(like.shape[0], 1, self.window_length - self.hop_length)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The sound that is whole with these frames."""
        assert isinstance(state, Tensor)
        y = self.back(x) if self.by_matmul else self._added(self._windows(x))
        y = y + F.pad(state, (0, x.shape[-1] * self.hop_length))
        ready = x.shape[-1] * self.hop_length
        return y[..., :ready], y[..., ready:]

    def _windows(self, x: Tensor) -> Tensor:
        """[batch, 2 x bins, frames] -> windowed sounds [batch, frames, window]."""
        real, imaginary = x.transpose(1, 2).float().chunk(2, -1)
        spectra = torch.complex(real.contiguous(), imaginary.contiguous())
        sounds: Tensor = torch.fft.irfft(spectra, n=self.window_length)
        return sounds * self.window

    def _added(self, windows: Tensor) -> Tensor:
        """[batch, frames, window] -> [batch, 1, (frames + parts - 1) x hop]."""
        cut = torch.unflatten(windows, 2, (self.parts, self.hop_length))
        rest = self.parts - 1
        shifted = [F.pad(cut[:, :, part], (0, 0, part, rest - part)) for part in range(self.parts)]
        return torch.stack(shifted).sum(0).flatten(1).unsqueeze(1)
