"""What a second of sound is like, in numbers that tell speech from hum, music and noise.

Everything is worked out at 8 kHz, where telephones and studios sound alike, and relative to the loudest
moment, so that level does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 8000
FRAME, HOP, FFT = 256, 80, 512
"""32 ms every 10 ms."""
HOP_S: Final = HOP / RATE_HZ
BANDS, CEPSTRA = 24, 12
LOWEST_HZ, HIGHEST_HZ = 80.0, 3900.0
PITCH_HZ: Final = (65.0, 400.0)
RANGE_DB: Final = 50.0
"""What is further under the loudest counts as that far under it."""
ACTIVE_DB: Final = 30.0
"""Frames within this of the loudest are those that sound."""
VOICED, WELL_VOICED = 0.6, 0.8
"""Height of the autocorrelation's peak from which on a frame has a pitch, and a clear one."""
STEADY_OCTAVES, JUMP_OCTAVES = 0.003, 0.08
"""Pitch that moves less in 10 ms stands still, as that of instruments; what moves more is another note."""
OCTAVE_COST: Final = 0.03
"""What an octave down takes from the height of the autocorrelation's peak."""
DELTA: Final = 5
"""Frames over which change is looked at."""
TINY: Final = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """A signal, frame by frame."""

    power: Floats
    """[frames]"""
    mel: Floats
    """Power in mel bands, [frames, bands]."""
    voicing: Floats
    """Height of the autocorrelation's peak, 0 to 1, [frames]."""
    lag: Floats
    """Where it is, in samples, [frames]."""

    def part(self, start: int, stop: int) -> Frames:
        """Frames from `start` to before `stop`."""
        names = ("power", "mel", "voicing", "lag")
        return Frames(**{name: getattr(self, name)[start:stop] for name in names})


def analyse(samples: NDArray[np.float32]) -> Frames:
    """[samples] at `RATE_HZ`, at least one -> frames; a signal shorter than a frame is filled with zeros."""
    short = max(0, FRAME - len(samples))
    padded = np.pad(samples.astype(np.float64), (0, short))
    cut = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    spectrum = np.abs(np.fft.rfft(cut * _window(), FFT)) ** 2
    voicing, lag = _pitch(spectrum)
    return Frames(
        power=spectrum.sum(axis=1) / FFT, mel=spectrum @ _mel_bank(), voicing=voicing, lag=lag
    )


def describe(frames: Frames) -> Floats:
    """The numbers of a window, [features]: cepstra, rhythm, voicing, pitch and colour, in this order."""
    floor = 10 ** (-RANGE_DB / 10)
    mel_db = 10 * np.log10(np.maximum(frames.mel, frames.mel.max() * floor + TINY))
    power_db = 10 * np.log10(np.maximum(frames.power, frames.power.max() * floor + TINY))
    active = power_db > power_db.max() - ACTIVE_DB
    parts = (
        _cepstra(mel_db, active),
        _rhythm(mel_db, power_db, active),
        _voicing(frames, power_db, active),
        _colour(mel_db, active),
    )
    return np.concatenate(parts)


def _cepstra(mel_db: Floats, active: NDArray[np.bool_]) -> Floats:
    """Mean and spread of cepstra where it sounds, and spread of their changes."""
    cepstra = mel_db @ _cosines()
    change = cepstra[DELTA:] - cepstra[:-DELTA]
    moving = change.std(axis=0) if len(change) else np.zeros(CEPSTRA)
    return np.concatenate([cepstra[active].mean(axis=0), cepstra[active].std(axis=0), moving])


def _rhythm(mel_db: Floats, power_db: Floats, active: NDArray[np.bool_]) -> Floats:
    """How loudness moves: its spread, flux, and at what pace; syllables come some four times a second."""
    flux = np.abs(np.diff(mel_db, axis=0)).mean(axis=1) if len(mel_db) > 1 else np.zeros(1)
    swing = (power_db - power_db.mean()) * np.hanning(len(power_db))
    paces = np.abs(np.fft.rfft(swing, 256)) ** 2
    # Bins of 0.39 Hz: up to 1.4, 4.1, 10 and 50 Hz.
    shares = [paces[start:stop].sum() for start, stop in ((1, 4), (4, 11), (11, 26), (26, None))]
    low, high = np.percentile(power_db, (10, 90))
    loudness = [power_db.std(), high - low, active.mean(), flux.mean(), flux.std()]
    return np.array([*loudness, *(share / (paces[1:].sum() + 1e-6) for share in shares)])


def _voicing(frames: Frames, power_db: Floats, active: NDArray[np.bool_]) -> Floats:
    """How much has a pitch, and how that moves: speech glides, instruments stand still or jump."""
    height, sounding = frames.voicing, frames.voicing[active]
    voiced = (height > VOICED) & active
    pairs = voiced[1:] & voiced[:-1]
    moves = np.abs(np.log2(frames.lag[1:] / frames.lag[:-1]))[pairs]
    steady, jump = (moves < STEADY_OCTAVES), (moves > JUMP_OCTAVES)
    moving = [steady.mean(), jump.mean(), (~steady & ~jump).mean()] if len(moves) else [0.0] * 3
    varied = min(height.std(), power_db.std()) > 1e-6
    together = np.corrcoef(height, power_db)[0, 1] if varied else 0.0
    lags = frames.lag[voiced] if voiced.any() else np.array([64.0])
    shares = [sounding.mean(), sounding.std(), (sounding > WELL_VOICED).mean()]
    pitch = [np.log2(np.median(lags)), lags.std()]
    return np.array([*shares, voiced.mean(), pairs.sum() / len(height), *moving, together, *pitch])


def _colour(mel_db: Floats, active: NDArray[np.bool_]) -> Floats:
    """How flat the spectrum is where it sounds, and how its shape varies over the bands."""
    mean_of_logs = mel_db.mean(axis=1) * np.log(10) / 10
    flatness = (mean_of_logs - np.log((10 ** (mel_db / 10)).mean(axis=1)))[active]
    shape = mel_db - mel_db.mean(axis=1, keepdims=True)
    return np.array([flatness.mean(), flatness.std(), shape.std(axis=0).mean()])


def _pitch(spectrum: Floats) -> tuple[Floats, Floats]:
    """Height and place of the highest peak of the normalised autocorrelation, [frames] each.

    Source: Boersma, Accurate short-term analysis of the fundamental frequency (1993): the autocorrelation is
    divided by that of the window.
    """
    first, last = int(RATE_HZ / PITCH_HZ[1]), int(RATE_HZ / PITCH_HZ[0])
    correlation = np.fft.irfft(spectrum)[:, : last + 1]
    height = correlation / np.maximum(correlation[:, :1], TINY) / _window_correlation()[: last + 1]
    rows = np.arange(len(height))
    # Of peaks alike the first is the pitch; the others are its multiples.
    cost = OCTAVE_COST * np.log2(np.arange(first, last + 1) / first)
    peak = np.clip(first + (height[:, first:] - cost).argmax(axis=1), first + 1, last - 1)
    before, here, after = (height[rows, peak + step] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / np.where(np.abs(bend) > 1e-9, bend, np.inf)
    return np.clip(height[:, first:].max(axis=1), 0, 1), peak + np.clip(shift, -1, 1)


@cache
def _window() -> Floats:
    window: Floats = np.hanning(FRAME + 2)[1:-1]
    return window


@cache
def _window_correlation() -> Floats:
    found = np.fft.irfft(np.abs(np.fft.rfft(_window(), FFT)) ** 2)[:FRAME]
    normalised: Floats = found / found[0]
    return normalised


@cache
def _mel_bank() -> Floats:
    """Triangles of O'Shaughnessy's mel scale, [bins, bands]."""
    low, high = (float(_mel(np.array(hz))) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = np.linspace(low, high, BANDS + 2)
    bins = _mel(np.linspace(0, RATE_HZ / 2, FFT // 2 + 1))
    up, down = bins[:, None] - edges[:-2], edges[2:] - bins[:, None]
    bank: Floats = np.maximum(0.0, np.minimum(up, down) / (edges[1] - edges[0]))
    return bank


def _mel(hz: Floats) -> Floats:
    mel: Floats = 2595 * np.log10(1 + hz / 700)
    return mel


@cache
def _cosines() -> Floats:
    """The discrete cosine transform without its first row, [bands, cepstra]."""
    angles = np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(1, CEPSTRA + 1))
    cosines: Floats = np.cos(angles) * np.sqrt(2 / BANDS)
    return cosines
