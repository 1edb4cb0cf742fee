"""The melody of a voice: its fundamental frequency, and a clip whose melody lies where another voice's does.

The clip is taken apart into melody, spectral envelope and breath, and put together again with another melody,
so that the vocal tract stays what it was. Source: Morise, Yokomori and Ozawa, "WORLD: a vocoder-based
high-quality speech synthesis system for real-time applications", IEICE Transactions E99-D (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonant.audio import Clip
from sonant.errors import MissingExtra

LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0
"""Of the fundamental: from low men to high children."""
FRAME_MS: Final = 5.0
FEWEST: Final = 20
"""Voiced frames, a tenth of a second, below which nothing is said of a melody."""
STRAY: Final = 0.8 * np.log(2)
"""From the middle of a melody: what is further is its half or its double, taken for it."""
STEEPEST: Final = 2.0
"""By how much a melody is spread at most: a monotonous source has next to none to spread."""

Floats = NDArray[np.float64]
_RANGE: Final = {"f0_floor": LOWEST_HZ, "f0_ceil": HIGHEST_HZ, "frame_period": FRAME_MS}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contour:
    """The fundamental of a clip, every `FRAME_MS`."""

    hz: Floats
    """[frames]; 0 where there is none."""

    @property
    def voiced(self) -> Floats:
        """[voiced frames], logarithms of hertz; those taken for an octave off are left out."""
        logs: Floats = np.log(self.hz[self.hz > 0])
        return logs[np.abs(logs - np.median(logs)) < STRAY] if len(logs) else logs

    @property
    def mean_hz(self) -> float | None:
        """The geometric mean; None with fewer than `FEWEST` voiced frames."""
        return float(np.exp(self.voiced.mean())) if len(self.voiced) >= FEWEST else None


def track(clip: Clip) -> Contour:
    """Follow the fundamental of a clip; raises `MissingExtra` without pyworld."""
    world, samples = _world(), clip.samples.astype(np.float64)
    rough, times = world.dio(samples, clip.rate_hz, **_RANGE)
    return Contour(hz=world.stonemask(samples, rough, times, clip.rate_hz))


def correlation(one: Contour, other: Contour) -> float | None:
    """Of the logarithms where both are voiced; None with too few such frames, or a monotone."""
    frames = min(len(one.hz), len(other.hz))
    left, right = one.hz[:frames], other.hz[:frames]
    both = (left > 0) & (right > 0)
    if both.sum() < FEWEST:
        return None
    sides = np.log(left[both]), np.log(right[both])
    if min(side.std() for side in sides) < 1e-6:
        return None
    return float(np.corrcoef(*sides)[0, 1])


def moved(clip: Clip, *, to: Sequence[Clip]) -> Clip:
    """The same clip with mean and spread of the logarithm of its fundamental as the clips `to` have them.

    A clip, or clips, with too little voice stay as they are. Raises `MissingExtra` without pyworld.
    """
    wanted = np.concatenate([track(one).voiced for one in to])
    world, samples = _world(), clip.samples.astype(np.float64)
    # Slower than the tracker of `track`, but a frame that is an octave off would be heard.
    hz, times = world.harvest(samples, clip.rate_hz, **_RANGE)
    has = Contour(hz=hz).voiced
    if min(len(wanted), len(has)) < FEWEST:
        return clip
    steeper = min(float(wanted.std()) / max(float(has.std()), 1e-6), STEEPEST)
    logs = np.log(np.maximum(hz, LOWEST_HZ))
    melody = np.exp((logs - has.mean()) * steeper + wanted.mean()).clip(LOWEST_HZ, HIGHEST_HZ)
    envelope = world.cheaptrick(samples, hz, times, clip.rate_hz)
    breath = world.d4c(samples, hz, times, clip.rate_hz)
    made = world.synthesize(np.where(hz > 0, melody, 0.0), envelope, breath, clip.rate_hz, FRAME_MS)
    fitted = np.zeros(len(samples), np.float32)
    fitted[: len(made)] = made[: len(samples)]
    return Clip(fitted, clip.rate_hz)


def _world() -> Any:
    try:
        return import_module("pyworld")
    except ImportError as error:
        raise MissingExtra("pyworld", extra="voices", purpose="following a melody") from error
