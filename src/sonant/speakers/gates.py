"""Whether there is enough speech to tell who speaks: silence, hum, music and noise have none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.errors import AudioError
from sonant.speakers import speech, speech_weights
from sonant.speakers.speech import Floats, Frames

BLOCK_S: Final = 60.0
"""Longer recordings are taken in parts, so that memory stays small."""
WINDOW, STEP = 100, 50
"""Frames of 10 ms that are judged together, and how far apart two judgements begin."""
OUTLIER: Final = 4.0
"""Standard deviations beyond which a number of a window counts as so far out."""
SNR_DB: Final = (-20.0, 60.0)
"""Beyond these an estimate of speech over noise says no more."""
OVER_FLOOR_DB: Final = 6.0
FLOOR_AT_MOST_DB: Final = 12.0
"""Frames count as speech this far over the quietest ones, which are taken to be no nearer to the loudest."""
QUIETEST: Final = 10.0
"""Per cent of the frames that noise is measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How much there is to tell a voice by."""

    speech_s: float
    """Seconds of speech, pauses not counted."""
    snr_db: float
    """Decibels of speech over what is there in its pauses, within `SNR_DB`; the least where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a clip has to have before anybody is looked for in it."""

    speech_s: float = 0.15
    """Seconds of speech; a spoken digit has 0.3."""
    snr_db: float = -5.0
    """Decibels."""

    def objection(self, quality: Quality) -> str:
        """Why a clip is not let through, beginning with "not enough speech" or "too noisy"; else empty."""
        if quality.speech_s < self.speech_s:
            return f"not enough speech: {quality.speech_s:.2f} s, want {self.speech_s:g} s"
        if quality.snr_db < self.snr_db:
            return f"too noisy: {quality.snr_db:.0f} dB of speech over noise, want {self.snr_db:g}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What makes a second of sound speech."""

    table: Floats
    """Means, standard deviations and weights of `speech.describe`, [3, features]."""
    offset: float
    """Log-odds of speech where every number is at its mean."""


SHIPPED: Final = Weights(table=speech_weights.table(), offset=speech_weights.OFFSET)
"""Those that bench/speech_gate.py fitted."""


def measure(samples: Samples, rate_hz: int, *, weights: Weights = SHIPPED) -> Quality:
    """How much speech is in [samples], and how far it stands out.

    Windows of a second are judged by logistic regression on `speech.describe`; what it was fitted on, and its
    rates on recordings it has not seen, bench/speech_gate.py says. Raises `AudioError` for another shape or
    samples that are not finite.
    """
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise AudioError(f"samples {list(samples.shape)}: want finite numbers, [samples]")
    found = [_judged(frames, weights) for frames in _blocks(samples, rate_hz)]
    power = np.concatenate([one for one, _ in found] or [np.zeros(0)])
    if not len(power):
        return Quality(speech_s=0.0, snr_db=SNR_DB[0])
    spoken = np.concatenate([one for _, one in found])
    return Quality(
        speech_s=float(spoken.sum()) * speech.HOP_S,
        snr_db=_snr_db(power[spoken], power),
    )


def log_odds(description: Floats, *, weights: Weights = SHIPPED) -> Floats:
    """Log-odds of speech by what windows are like, [..., features] -> [...]."""
    centre, spread, weight = weights.table
    scaled = np.clip((description - centre) / spread, -OUTLIER, OUTLIER)
    odds: Floats = scaled @ weight + weights.offset
    return odds


def windows(count: int) -> list[tuple[int, int]]:
    """First frame of each window and the one behind its last, over `count` frames."""
    if count <= WINDOW:
        return [(0, count)]
    starts = [*range(0, count - WINDOW, STEP), count - WINDOW]
    return [(start, start + WINDOW) for start in starts]


def _blocks(samples: Samples, rate_hz: int) -> Iterator[Frames]:
    parts = math.ceil(len(samples) / rate_hz / BLOCK_S)
    for part in np.array_split(samples, parts) if parts else ():
        clip = audio.resample(Clip(np.ascontiguousarray(part, np.float32), rate_hz), speech.RATE_HZ)
        if len(clip.samples):
            yield speech.analyse(clip.samples)


def _judged(frames: Frames, weights: Weights) -> tuple[Floats, NDArray[np.bool_]]:
    """Power of the frames of windows with speech, and whether somebody speaks in each, [frames] each."""
    count = len(frames.power)
    power_db = 10 * np.log10(frames.power + speech.TINY)
    odds, peak = np.zeros(count), np.full(count, -np.inf)
    for start, stop in windows(count):
        odds[start:stop] += log_odds(speech.describe(frames.part(start, stop)), weights=weights)
        # Of windows that overlap the louder one says what is quiet.
        peak[start:stop] = np.maximum(peak[start:stop], power_db[start:stop].max())
    heard = odds > 0
    if not heard.any():
        return np.zeros(0), np.zeros(0, np.bool_)
    floor = float(np.percentile(power_db[heard], QUIETEST))
    least = np.maximum(
        peak - speech.ACTIVE_DB, np.minimum(floor + OVER_FLOOR_DB, peak - FLOOR_AT_MOST_DB)
    )
    return frames.power[heard], (power_db > least)[heard]


def _snr_db(spoken: Floats, power: Floats) -> float:
    """Of frames in which somebody speaks over the quietest of their windows."""
    noise = max(float(np.percentile(power, QUIETEST)), speech.TINY)
    over = max(float(spoken.mean()) - noise, speech.TINY) if len(spoken) else speech.TINY
    return float(np.clip(10 * np.log10(over / noise), *SNR_DB))
