"""What a clip is like besides the speech in it: what must not tell forged clips from bona fide ones.

A detector that looks good because forgeries are shorter, louder, duller or start without a breath has
learned the corpus. Source: Müller et al., "Speech is silver, silence is golden: what do ASVspoof-trained
models really learn?" (2021), arXiv 2106.12914: the length of the silence alone errs in 15 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from sonant.audio import resample
from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.spoofing.detector import opened

Floats = NDArray[np.float64]

RATE_HZ: Final = 16_000
"""Bands are measured at this rate; what a file was recorded at is a measure of its own."""
FRAME, HOP = 400, 160
"""25 ms every 10 ms."""
UNDER_DB: Final = 35.0
"""Frames so far under the loudest tenth are taken for silence."""
TINY: Final = 1e-12
BANDS: Final = 16
"""Of the spectrum of silence."""
EDGES_HZ: Final = (2000.0, 4000.0, 5500.0, 7000.0, 7800.0)
ROLL_OFF: Final = 0.995
"""Share of the energy under the frequency that counts as the end of the band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One clip."""

    samples: Floats
    """As the file has them, [samples]."""
    rate_hz: int
    power: Floats
    """Power spectra of its frames at `RATE_HZ`, [frames, bins]."""
    silent: NDArray[np.bool_]
    """Which of them are silence, [frames]."""
    path: Path


def measure(item: Item) -> Measured:
    """Read a clip; raises `AudioError` naming it where it cannot be read, or is shorter than a frame."""
    clip = opened(item, rate_hz=RATE_HZ)
    heard = resample(clip, RATE_HZ).samples.astype(np.float64)
    if len(heard) < FRAME:
        raise AudioError(f"{item.path}: {len(heard) / RATE_HZ:.3f} s are too short to measure")
    power = spectra(heard)
    return Measured(
        samples=clip.samples.astype(np.float64),
        rate_hz=clip.rate_hz,
        power=power,
        silent=silence(power),
        path=item.path,
    )


def spectra(samples: Floats) -> Floats:
    """Power spectra of [samples], at least `FRAME` of them, [frames, bins]."""
    cut = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    return np.asarray(np.abs(np.fft.rfft(cut * np.hanning(FRAME), 512)) ** 2)


def silence(power: Floats) -> NDArray[np.bool_]:
    """Which frames are far under the loudest ones, [frames]; of digital silence all."""
    energy = power.sum(axis=1)
    loud_db = decibels(energy)
    under = loud_db < np.percentile(loud_db, 90) - UNDER_DB
    return np.asarray(under | (energy < TINY), np.bool_)


def decibels(power: ArrayLike) -> Floats:
    """10 lg of powers, no less than -120."""
    return np.asarray(10.0 * np.log10(np.maximum(power, TINY)))


def _silences(one: Measured) -> list[float]:
    """Where silence is and how much: before, behind, in all, and its longest stretch, in seconds."""
    step = HOP / RATE_HZ
    sounding = np.flatnonzero(~one.silent)
    if not len(sounding):
        whole = len(one.silent) * step
        return [whole, whole, 1.0, whole]
    gaps = np.diff(sounding) - 1
    return [
        float(sounding[0]) * step,
        float(len(one.silent) - 1 - sounding[-1]) * step,
        float(one.silent.mean()),
        float(gaps.max(initial=0)) * step,
    ]


def _length(one: Measured) -> list[float]:
    """How long it is, and whether its samples are whole hops of the usual vocoders."""
    count = len(one.samples)
    return [count / one.rate_hz, *(float(count % hop == 0) for hop in (160, 200, 256, 300))]


def _gain(one: Measured) -> list[float]:
    """How loud it is where it sounds, its offset, and how many samples are clipped."""
    peak = float(np.abs(one.samples).max())
    return [
        _sounding_db(one),
        float(one.samples.mean()),
        float(np.sum(np.abs(one.samples) >= 0.999 * max(peak, TINY))),
    ]


def _crest(one: Measured) -> list[float]:
    """How far its peak stands above that loudness, which no gain changes: phases that were made anew do."""
    return [float(decibels(np.square(np.abs(one.samples).max()))) - _sounding_db(one)]


def _sounding_db(one: Measured) -> float:
    power = one.power.sum(axis=1)
    return float(decibels((power if one.silent.all() else power[~one.silent]).mean()))


def _bandwidth(one: Measured) -> list[float]:
    """Where its spectrum ends, and how much lies above some frequencies."""
    mean = one.power.mean(axis=0)
    share = np.cumsum(mean) / max(float(mean.sum()), TINY)
    hz = np.arange(len(mean)) * RATE_HZ / 512
    above = [
        float(decibels(mean[hz >= edge].mean() / max(float(mean.mean()), TINY)))
        for edge in EDGES_HZ
    ]
    return [float(hz[np.searchsorted(share, ROLL_OFF).clip(max=len(hz) - 1)]), *above]


def _codec(one: Measured) -> list[float]:
    """What the file is: rate, bits, compression, steps between values, runs of the same value."""
    try:
        info = soundfile.info(str(one.path))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise AudioError(f"{one.path}: cannot be read as audio ({error})") from error
    steps = np.abs(np.diff(np.unique(np.round(one.samples * 32768.0))))
    return [
        float(one.rate_hz),
        float(sum(map(ord, info.format))),
        float(sum(map(ord, info.subtype))),
        float(steps.min()) if len(steps) else 0.0,
        float(np.mean(one.samples == 0.0)),
        float(np.mean(np.diff(one.samples) == 0.0)),
    ]


def _without_speech(one: Measured) -> list[float]:
    """The spectrum of its quietest tenth, in bands, over the mean of it and as it is."""
    loudness = one.power.sum(axis=1)
    quiet = one.power[loudness <= np.percentile(loudness, 10)]
    bands_db = decibels(
        np.array([band.mean() for band in np.array_split(quiet.mean(axis=0), BANDS)])
    )
    spread_db = float(decibels(quiet.sum(axis=1)).std())
    return [*(bands_db - bands_db.mean()), float(bands_db.mean()), spread_db]


GROUPS: Final[Mapping[str, Callable[[Measured], list[float]]]] = {
    "silence": _silences,
    "length": _length,
    "gain": _gain,
    "crest": _crest,
    "bandwidth": _bandwidth,
    "codec": _codec,
    "without_speech": _without_speech,
}
"""What is measured, by name; `without_speech` is a detector that hears the pauses alone."""
