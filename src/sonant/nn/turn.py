"""A turn of the Griffin-Lim algorithm as a layer: magnitudes stay, phases come to agree with each other.

Griffin and Lim 1984, "Signal estimation from modified short-time Fourier transform"; between layers of a
network as in Masuyama et al., "Deep Griffin-Lim iteration" (2019), arXiv 1903.03971.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

import torch
from torch import Tensor, nn

from sonant.nn.istft import Istft
from sonant.nn.spectrum import Dft, window
from sonant.nn.streaming import Chain, Delay, Pointwise, State, Streamable, Windowed
from sonant.nn.two_step_dft import There

MOMENTUM: Final = 0.99
PULL: Final = MOMENTUM / (1 + MOMENTUM)
"""How far phases go beyond where they were led, as a share of where they were."""
TINY: Final = 1e-8
"""Squared magnitude below which a bin has no phase; as a bound, since exporters drop so small a summand."""


@final
class Stft(Windowed):
    """Spectra of sound around every hop, [batch, 1, samples] to [batch, 2 x bins, frames].

    The real parts of all bins, then the imaginary ones, as `Istft` takes them. The transform around a hop
    comes as many samples later as the rest of its window lasts.
    """

    window: Tensor

    def __init__(self, window_length: int, hop_length: int) -> None:
        super().__init__(
            [1], span=window_length, stride=hop_length, lookahead=window_length // 2 - hop_length
        )
        self.window_length = window_length
        self.dft: Dft = "auto"
        taper = torch.from_numpy(window("hann", window_length)).float()
        self.register_buffer("window", taper, persistent=False)
        self.there = There(window("hann", window_length), hop_length)

    @property
    def by_matmul(self) -> bool:
        """Which way the transform goes now; see `Spectrum`."""
        return self.dft == "matmul" or (self.dft == "auto" and torch.compiler.is_exporting())

    def over(self, x: Tensor) -> Tensor:
        """Every window by itself."""
        if self.by_matmul:
            spectra: Tensor = self.there(x)
            return spectra
        found = torch.fft.rfft(x[:, 0].unfold(-1, self.span, self.stride) * self.window)
        return torch.cat([found.real, found.imag], -1).transpose(1, 2)


@final
class Turn(Streamable):
    """Spectra and where they were before, [batch, 4 x bins, frames] twice over: a turn further on.

    Magnitudes stay. Phases become those that the spectra's own sound has, and a little beyond, by as much as
    they moved: the fast algorithm of Perraudin et al. 2013. Before the first turn they were nowhere: zeros.
    """

    def __init__(self, back: Istft, there: Stft) -> None:
        """Nothing in it is learned: all turns may share the two ways."""
        super().__init__()
        self.there_and_back = Chain(back, there)
        self.delay = int(self.there_and_back.delay)
        self.held = Delay([4 * back.bins], self.delay)
        # A frame on the way back hears as many hops as a window has, the first of them as many frames.
        self.receptive_field = 2 * back.parts - 1

    def initial_state(self, like: Tensor) -> State:
        """Silence, on both ways."""
        half = like[:, : like.shape[1] // 2]
        return self.held.initial_state(like), self.there_and_back.initial_state(half)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """To sound and back, while the magnitudes wait."""
        waited, held = self.held.step(x, state[0])
        spectra, before = waited.chunk(2, 1)
        found, kept = self.there_and_back.step(x[:, : x.shape[1] // 2], state[1])
        ahead = found - PULL * before
        gain = torch.sqrt(_power(spectra).clamp(min=TINY) / _power(ahead).clamp(min=TINY))
        return torch.cat([torch.cat([gain, gain], 1) * ahead, found], 1), (held, kept)


@final
class FromNowhere(nn.Module):
    """Spectra as the first turn takes them, [batch, 2 x bins, frames] to [batch, 4 x bins, frames]."""

    def forward(self, spectra: Tensor) -> Tensor:
        """With zeros for where they were."""
        return torch.cat([spectra, torch.zeros_like(spectra)], 1)


@final
class WhereTheyAre(nn.Module):
    """What the last turn made of the spectra, [batch, 4 x bins, frames] to [batch, 2 x bins, frames]."""

    def forward(self, turned: Tensor) -> Tensor:
        """Without where they were."""
        return turned.chunk(2, 1)[0]


def turns(count: int, back: Istft) -> Iterator[Streamable]:
    """So many turns, spectra to spectra, that use this inverse transform; none for 0."""
    if count:
        there = Stft(back.window_length, back.hop_length)
        yield Pointwise(FromNowhere())
        yield from (Turn(back, there) for _ in range(count))
        yield Pointwise(WhereTheyAre())


def _power(x: Tensor) -> Tensor:
    real, imaginary = x.chunk(2, 1)
    return real * real + imaginary * imaginary
