"""The two numbers that each stretch of a sound holds, and the lattices that a key lays over them.

A number is a sum of how the levels of neighbouring frequencies differ, with signs that the key chooses; it
stays the same when the sound is made louder, and nearly so when its spectrum is tilted.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.conversion.payload import BITS
from sonant.draws import Draws

WINDOW: Final = 1024
"""Samples of a stretch at 16 kHz; stretches do not overlap, so that none disturbs its neighbours."""
FIRST_BIN: Final = 20
BINS: Final = 196
"""From 312 Hz to 3375 Hz: what a telephone line and a frugal codec keep."""
GROUP: Final = 4
"""Neighbouring bins that share the two numbers, one up and one down in each."""
EXPONENT: Final = 1.0
"""Of levels: loud bins, which survive a codec, count more than faint ones."""
STEP: Final = 0.9
"""Between points of a lattice."""
PERIOD: Final = 3 * BITS
"""Stretches after which the lattices repeat; not the bits alone, so that no steady hum is taken for them."""
FIND, SAY = 0, 1
"""Which of the two numbers is for finding the mark, and which says something."""
BAND: Final = slice(FIRST_BIN, FIRST_BIN + BINS)

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]


def stretches(samples: Floats, *, whole: bool = False) -> Floats:
    """[samples] -> [stretches, WINDOW]; what is left over is filled with zeros, or left out if `whole`."""
    if whole:
        return samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return np.pad(samples, (0, -len(samples) % WINDOW)).reshape(-1, WINDOW)


def spectra(frames: Floats) -> Spectra:
    """[stretches, WINDOW] -> [stretches, bins], through a Hann window."""
    found: Spectra = np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1], axis=1)
    return found


def numbers(of: Spectra, signs: Floats) -> Floats:
    """Spectra [stretches, bins] -> both numbers of each stretch, [stretches, 2]."""
    levels = np.maximum(np.abs(of[:, BAND]), 1e-12) ** EXPONENT
    found: Floats = (levels / levels.mean(axis=1, keepdims=True)) @ signs
    return found


def nearest(values: Floats, lattice: Floats) -> Floats:
    """The points nearest to `values`; a lattice is given by one of its points, both [stretches, 2]."""
    points: Floats = lattice + STEP * np.rint((values - lattice) / STEP)
    return points


def marked_lattices(count: int, bits: NDArray[np.int64], key: str) -> Floats:
    """A point of each lattice of `count` stretches, [count, 2], those of `SAY` moved by the bits."""
    number = np.arange(count)
    points = places(key)[number % PERIOD].copy()
    # A one lies midway between the points that mean zero.
    points[:, SAY] += 0.5 * STEP * bits[number % BITS]
    return points


@lru_cache(maxsize=8)
def places(key: str) -> Floats:
    """A point of each lattice of a period before any bit moves it, [PERIOD, 2]."""
    return STEP * _draws(key, PERIOD).uniform("place", size=2)


@lru_cache(maxsize=8)
def signs(key: str) -> Floats:
    """How the levels of the band make the two numbers, [BINS, 2]: each column of length 1, adding up to 0."""
    groups = BINS // GROUP
    order = np.argsort(_draws(key, groups).uniform("bin", size=GROUP), axis=1)
    columns = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found: Floats = columns[order].reshape(BINS, 2) / np.sqrt(2 * groups)
    return found


@lru_cache(maxsize=8)
def turns(key: str) -> Spectra:
    """What turns the phases of a period back, for each place where it may begin: [PERIOD, PERIOD]."""
    points = places(key)[:, FIND]
    number = np.arange(PERIOD)
    rows: Spectra = np.exp(-2j * np.pi / STEP * points[(number[:, None] + number) % PERIOD])
    return rows


def _draws(key: str, items: int) -> Draws:
    word = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    return Draws(word, 0, np.arange(items))
