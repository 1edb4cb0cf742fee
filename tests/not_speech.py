"""Sounds without a word in them: silence, hum, noise and tunes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
SECONDS = 4.0
TIME_S = np.arange(int(RATE_HZ * SECONDS)) / RATE_HZ
Sound = NDArray[np.float32]


def silence() -> Sound:
    return np.zeros(len(TIME_S), np.float32)


def white(level: float = 0.1) -> Sound:
    draws = np.random.default_rng(0)
    return (level * draws.standard_normal(len(TIME_S))).astype(np.float32)


def hum(hz: float = 50.0, level: float = 0.3) -> Sound:
    """The mains with its overtones, and a little hiss."""
    wave = sum(np.sin(2 * np.pi * hz * k * TIME_S + k) / k for k in range(1, 12))
    return (level * wave).astype(np.float32) + white(1e-3)


def tone(hz: float = 440.0) -> Sound:
    return (0.3 * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32)


def melody(*, vibrato: float = 0.0, fade: float = 0.0) -> Sound:
    """A tune of two notes a second, with overtones; it may swing, and every note may fade."""
    steps = np.array([0, 4, 7, 12, 7, 5, 2, 0])
    note = np.minimum((2 * TIME_S).astype(int), len(steps) - 1)
    hz = 262.0 * 2 ** ((steps[note] + vibrato * np.sin(2 * np.pi * 5.5 * TIME_S)) / 12)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    wave = sum(np.sin(k * phase) / k for k in range(1, 8))
    return (0.2 * wave * np.exp(-fade * (TIME_S % 0.5))).astype(np.float32)


def chords() -> Sound:
    """Three chords on an organ."""
    root = 131.0 * 2 ** (np.array([0, 5, 7])[np.minimum((TIME_S / 1.4).astype(int), 2)] / 12)
    phases = [2 * np.pi * np.cumsum(root * 2 ** (step / 12)) / RATE_HZ for step in (0, 4, 7, 12)]
    wave = sum(np.sin(k * phase) / k for phase in phases for k in range(1, 6))
    return (0.05 * wave).astype(np.float32)


NOT_SPEECH = {
    "silence": silence(),
    "one bit of noise": (white(3e-5)),
    "an offset": silence() + np.float32(0.2),
    "white noise": white(),
    "hum at 50 Hz": hum(),
    "quiet hum at 60 Hz": hum(60.0, 0.01),
    "a tone": tone(),
    "a melody": melody(),
    "a melody with vibrato": melody(vibrato=0.3),
    "a plucked melody": melody(fade=6.0),
    "chords": chords(),
}
