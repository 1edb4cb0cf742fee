"""Sounds of which no two are alike, for tests that look for copies: voices in random rhythms."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples

RATE_HZ = 16000


def murmur(seed: int, *, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Samples:
    """A buzzing voice with random pitch and syllables; it peaks at a half."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    knots = rng.uniform(0.0, 1.0, 12) * np.hanning(14)[1:-1]
    loudness = np.interp(time_s, np.linspace(0.0, seconds, 12), knots)
    pitch_hz = rng.uniform(90.0, 260.0)
    voices = (
        np.sin(2 * np.pi * pitch_hz * k * time_s + rng.uniform(0, 6)) / k for k in range(1, 9)
    )
    sound = loudness * (np.sum(list(voices), axis=0) + 0.3 * rng.standard_normal(len(time_s)))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def write_murmur(path: Path, seed: int, *, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Path:
    """A murmur as a file; its folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return audio.write(path, Clip(murmur(seed, seconds=seconds, rate_hz=rate_hz), rate_hz))
