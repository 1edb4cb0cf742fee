"""What may stand before a victim to spoil an attack, and what an attacker makes of it who knows.

Rounding and resampling are weak; they are here to be measured. Whatever a defence is said to bring has to
hold against `adaptive`, which attacks through it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sonant.attacks.objectives import Objective, Transform, expected, straight_through
from sonant.draws import Draws
from sonant.errors import SonantError

BITS: Final = 8
LOWEST_HZ: Final = 8000
SIGMA: Final = 0.002
DRAWS: Final = 8
HALF_WIDTH: Final = 32
"""Taps of the low-pass to either side of its middle, for each sample that is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defence:
    """A change of all sounds before they are heard."""

    name: str
    change: Callable[[Tensor, int], Tensor]
    """Clips [batch, 1, samples] and a seed -> as many samples."""
    has_gradient: bool
    """Whether a gradient comes through it that says something."""
    draws: int = 1
    """How often it is applied, each time with another seed; scores are averaged."""


def quantised(bits: int = BITS) -> Defence:
    """Round samples to so many bits: feature squeezing. Source: Xu et al. (2018), section III."""
    if not 1 <= bits <= 16:
        raise SonantError(f"quantise:{bits}: want 1 to 16 bits")
    steps = 2.0 ** (bits - 1)

    def change(samples: Tensor, _: int) -> Tensor:
        return (samples * steps).round().clamp(-steps, steps - 1) / steps

    return Defence(name=f"quantise:{bits}", change=change, has_gradient=False)


def resampled(rate_hz: int, lower_hz: int = LOWEST_HZ) -> Defence:
    """Down to a lower rate and back; `rate_hz` is a multiple of it. What is between goes missing."""
    if not 0 < lower_hz < rate_hz or rate_hz % lower_hz:
        raise SonantError(
            f"resample:{lower_hz}: want a rate of which {rate_hz}, that of the model, is a multiple"
        )
    every = rate_hz // lower_hz
    half = HALF_WIDTH * every
    places = torch.arange(-half, half + 1, dtype=torch.float32)
    taps = torch.sinc(places / every) / every * torch.hann_window(2 * half + 1, periodic=False)
    taps = (taps / taps.sum())[None, None]

    def change(samples: Tensor, _: int) -> Tensor:
        kernel = taps.to(samples)
        # What rings on behind the end counts, as it does where silence follows in a batch.
        low = F.conv1d(F.pad(samples, (half, half)), kernel, padding=half)
        kept = torch.zeros_like(low)
        kept[..., ::every] = low[..., ::every]
        return every * F.conv1d(kept, kernel)

    return Defence(name=f"resample:{lower_hz}", change=change, has_gradient=True)


def smoothed(sigma: float = SIGMA, draws: int = DRAWS) -> Defence:
    """The mean score of noisy copies: randomised smoothing. Source: Cohen et al. (2019), section 3."""
    if sigma <= 0 or draws < 1:
        raise SonantError(f"smooth:{sigma:g}: noise has a spread above 0, and one copy or more")

    def change(samples: Tensor, seed: int) -> Tensor:
        drawn = Draws(seed, 0, np.arange(len(samples))).normal("smooth", size=samples.shape[-1])
        noise = torch.from_numpy(drawn.astype(np.float32)).to(samples).unsqueeze(1)
        return samples + sigma * noise

    return Defence(name=f"smooth:{sigma:g}", change=change, has_gradient=True, draws=draws)


def resynthesised(name: str, vocoder: Transform, *, has_gradient: bool) -> Defence:
    """The speech made anew from its log-mel spectrogram, which holds little of a fine noise.

    `vocoder` is spectrogram and back, [batch, 1, samples] in and out. Source: Wu et al., "Spoofing attacks
    on speaker verification systems: purification by vocoders" (2022), the idea alone.
    """
    return Defence(name=name, change=lambda samples, _: vocoder(samples), has_gradient=has_gradient)


def views(defences: Sequence[Defence], *, seed: int = 0) -> list[Transform]:
    """All of them one behind the other, once for each draw; scores of what comes out are averaged."""
    return _views(defences, seed, through=False)


def adaptive(objective: Objective, defences: Sequence[Defence], *, seed: int = 0) -> Objective:
    """The wish of an attacker who knows the defences, though not what they will draw.

    Expectation over their draws, new ones at each call, and the identity's gradient through those that
    have none: EOT and BPDA.
    """
    count = max((one.draws for one in defences), default=1)
    calls = itertools.count(1)

    def wish(samples: Tensor) -> Tensor:
        # What the defence itself draws begins at the seeds below these.
        first = seed + (1 + next(calls)) * count
        return expected(objective, _views(defences, first, through=True))(samples)

    return wish


def _views(defences: Sequence[Defence], seed: int, *, through: bool) -> list[Transform]:
    count = max((one.draws for one in defences), default=1)
    return [_chain(defences, seed + number, through=through) for number in range(count)]


def _chain(defences: Sequence[Defence], seed: int, *, through: bool) -> Transform:
    def bound(one: Defence) -> Transform:
        def change(samples: Tensor) -> Tensor:
            return one.change(samples, seed)

        return straight_through(change) if through and not one.has_gradient else change

    steps = [bound(one) for one in defences]
    return lambda samples: reduce(lambda sound, step: step(sound), steps, samples)
