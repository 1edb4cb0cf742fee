"""Made-up sounds without speech, for speech_gate.py: music, hum, and what else reaches a microphone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 16_000
Wave = NDArray[np.float64]
Draws = np.random.Generator
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


def plucked(hz: float, length: int, draws: Draws) -> Wave:
    """A string that fades, its high partials first."""
    time_s, tilt = np.arange(length) / RATE_HZ, draws.uniform(0.6, 1.3)
    return _sum(
        np.exp(-time_s * (2 + 1.5 * k))
        * np.sin(2 * np.pi * hz * k * time_s + draws.uniform(0, 6))
        / k**tilt
        for k in range(1, 9)
    )


def sung_by_a_flute(hz: float, length: int, draws: Draws) -> Wave:
    """A tone with vibrato."""
    time_s, tilt = np.arange(length) / RATE_HZ, draws.uniform(0.5, 2)
    swing = np.sin(2 * np.pi * draws.uniform(4.5, 6.5) * time_s) * np.minimum(1, 4 * time_s)
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (draws.uniform(0, 0.4) / 12 * swing)) / RATE_HZ
    return _faded(_sum(np.sin(k * phase) / k**tilt for k in range(1, 10)), rise=30, fall=20)


def bowed(hz: float, length: int, draws: Draws) -> Wave:
    """A rich tone whose pitch wanders a little."""
    wander = 1 + 0.002 * np.cumsum(draws.standard_normal(length)) / np.sqrt(RATE_HZ)
    phase = 2 * np.pi * np.cumsum(hz * wander) / RATE_HZ
    gains = draws.uniform(0.1, 1, 12) / np.arange(1, 13) ** 0.7
    return _faded(_sum(np.sin(k * phase + k) * gains[k - 1] for k in range(1, 13)), rise=6, fall=6)


def chord(hz: float, length: int, draws: Draws) -> Wave:
    """Three tones of an organ."""
    time_s = np.arange(length) / RATE_HZ
    tones = (hz * 2 ** (step / 12) for step in (0, 4, 7))
    return _faded(
        _sum(
            np.sin(2 * np.pi * tone * k * time_s + draws.uniform(0, 6)) / k
            for tone in tones
            for k in range(1, 6)
        ),
        rise=5,
        fall=20,
    )


def drum(hz: float, length: int, draws: Draws) -> Wave:
    """A beat, of noise or of a falling tone."""
    time_s = np.arange(3000) / RATE_HZ
    noise = draws.standard_normal(3000)
    skin = 3 * np.sin(2 * np.pi * 60 * time_s * np.exp(-3 * time_s))
    return np.exp(-time_s * draws.uniform(15, 60)) * (noise if draws.random() < 0.6 else skin)


INSTRUMENTS: Final[Mapping[str, Callable[[float, int, Draws], Wave]]] = {
    "plucked": plucked,
    "flute": sung_by_a_flute,
    "bowed": bowed,
    "chord": chord,
    "drum": drum,
}


def music(draws: Draws, *, instruments: Sequence[str], seconds: float = 5.0) -> Wave:
    """Some of the instruments together, each playing its own line in one key."""
    length = int(RATE_HZ * seconds)
    wave, beat_s = np.zeros(length + 3 * RATE_HZ), 60 / draws.uniform(65, 170)
    root_hz = draws.uniform(95, 330)
    scale = MAJOR if draws.random() < 0.5 else MINOR
    chosen = [name for name in instruments if draws.random() < 0.6]
    for name in chosen or [str(draws.choice(list(instruments)))]:
        gain, place_s, degree = draws.uniform(0.3, 1), 0.0, int(draws.integers(0, 7))
        while place_s < seconds:
            lasting = 2.0 if name == "chord" else draws.choice([0.25, 0.5, 0.5, 1, 1, 2])
            degree = int(np.clip(degree + draws.integers(-2, 3), 0, 13))
            hz = root_hz * 2 ** ((scale[degree % 7] + 12 * (degree // 7)) / 12)
            count = max(400, int(beat_s * lasting * RATE_HZ * draws.uniform(0.8, 1)))
            note = INSTRUMENTS[name](hz, count, draws)[: 2 * RATE_HZ]
            first = int(place_s * RATE_HZ)
            if draws.random() > 0.1:
                wave[first : first + len(note)] += gain * note
            place_s += beat_s * lasting
    wave = wave[:length] + draws.choice([0, 0.01]) * draws.standard_normal(length)
    return 0.3 * wave / np.abs(wave).max()


def hum(draws: Draws, *, seconds: float = 4.0) -> Wave:
    """The mains and its overtones, at any level, with hiss or without."""
    time_s = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    hz = draws.choice([50, 60, 100, 120]) * draws.uniform(0.997, 1.003)
    wave = _sum(
        draws.uniform(0, 1) / k**1.0 * np.sin(2 * np.pi * hz * k * time_s + draws.uniform(0, 6))
        for k in range(1, int(draws.integers(2, 25)))
    )
    hiss = draws.choice([0, 1e-4, 1e-2]) * draws.standard_normal(len(time_s))
    return wave / np.abs(wave).max() * 10 ** draws.uniform(-3, -0.5) + hiss


def odd(draws: Draws, *, seconds: float = 4.0) -> Wave:
    """Silence, noise of several colours, sweeps, clicks, beeps."""
    length = int(RATE_HZ * seconds)
    time_s, white = np.arange(length) / RATE_HZ, draws.standard_normal(length)
    kind = int(draws.integers(0, 6))
    if kind == 0:
        return np.full(length, draws.choice([0.0, 0.1]))
    if kind == 1:
        return 10 ** draws.uniform(-5, -0.7) * white
    if kind == 2:
        path = np.geomspace(draws.uniform(50, 300), draws.uniform(400, 3500), length)
        return 0.3 * np.sin(2 * np.pi * np.cumsum(path) / RATE_HZ)
    if kind == 3:
        clicks = np.zeros(length)
        clicks[draws.integers(0, length, int(draws.integers(1, 30)))] = 1.0
        return clicks
    if kind == 4:
        pair = draws.choice([440, 697, 770, 852, 941, 1000, 1209, 1336, 1477], 2)
        on = (time_s % draws.uniform(0.2, 0.6)) < 0.16
        return 0.2 * on * _sum(np.sin(2 * np.pi * hz * time_s) for hz in pair)
    brown = np.cumsum(white - white.mean())
    return 0.2 * brown / np.abs(brown).max()


def _sum(waves: object) -> Wave:
    return np.sum(np.stack(list(waves)), axis=0)  # type: ignore[call-overload]


def _faded(wave: Wave, *, rise: float, fall: float) -> Wave:
    """With its ends brought to nothing, at so many times full scale a second."""
    time_s = np.arange(len(wave)) / RATE_HZ
    return wave * np.minimum(1, rise * time_s) * np.minimum(1, fall * (time_s[-1] - time_s))
