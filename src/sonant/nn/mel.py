"""Mel filter banks and the cosine transform, as matrices in float64."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scale = Literal["htk", "slaney"]

SLANEY_BREAK_HZ = 1000.0
SLANEY_HZ_PER_MEL = 200.0 / 3.0
SLANEY_BREAK_MEL = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL
SLANEY_LOG_STEP = np.log(6.4) / 27.0


def mel_from_hz(hz: Array, scale: Scale) -> Array:
    """Hertz -> mel.

    Sources: `htk` is O'Shaughnessy 1987, "Speech Communication"; `slaney`, linear below 1 kHz, is
    Slaney 1998, "Auditory Toolbox".
    """
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    above = np.log(np.maximum(hz, SLANEY_BREAK_HZ) / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP
    return np.where(hz < SLANEY_BREAK_HZ, hz / SLANEY_HZ_PER_MEL, SLANEY_BREAK_MEL + above)


def hz_from_mel(mel: Array, scale: Scale) -> Array:
    """Mel -> hertz, the inverse of `mel_from_hz`."""
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    above = SLANEY_BREAK_HZ * np.exp(SLANEY_LOG_STEP * (mel - SLANEY_BREAK_MEL))
    return np.where(mel < SLANEY_BREAK_MEL, mel * SLANEY_HZ_PER_MEL, above)


def filter_bank(
    mels: int,
    *,
    fft_length: int,
    rate_hz: int,
    min_hz: float,
    max_hz: float,
    scale: Scale,
    norm: Literal["none", "slaney"],
    slopes: Literal["hz", "mel"],
) -> Array:
    """Overlapping triangles, evenly spaced in mel, as weights [bins, mels] of spectrum bins.

    Each rises from its lower neighbour's centre and falls to its upper one's. `slaney` divides by
    half the width in hertz, so that white noise gives all filters the same energy. A filter
    narrower than the spacing of bins may be empty.
    """
    low, high = mel_from_hz(np.array([min_hz, max_hz]), scale)
    edges_mel = np.linspace(low, high, mels + 2)
    edges_hz = hz_from_mel(edges_mel, scale)
    bins_hz = np.arange(fft_length // 2 + 1, dtype=np.float64) * (rate_hz / fft_length)
    at, edges = (bins_hz, edges_hz) if slopes == "hz" else (mel_from_hz(bins_hz, scale), edges_mel)
    rising = (at[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at[:, None]) / (edges[2:] - edges[1:-1])
    bank: Array = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        bank *= 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return bank


def cosine_transform(size: int, count: int) -> Array:
    """The first `count` coefficients of the orthonormal DCT-II, as a matrix [size, count]."""
    angles = np.pi / size * np.outer(np.arange(size) + 0.5, np.arange(count))
    matrix: Array = np.cos(angles) * np.sqrt(2.0 / size)
    matrix[:, 0] = np.sqrt(1.0 / size)
    return matrix
