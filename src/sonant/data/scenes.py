"""Where a word is heard: its level, its place in the clip, the room, and the noise around it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from sonant.audio import Clip, Samples

FALLS: Final[dict[str, float]] = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Noises, and the power of frequency by which their power falls."""
LOWEST_HZ: Final = 40.0
"""Below this noise is cut off, else brown noise would be one slow wave."""
SILENCE_DB: Final = -40.0
"""What lies further below the peak, before and after the word, is no part of it."""
PEAK: Final = 0.98


def _unit_power(sound: NDArray[np.floating[Any]]) -> Samples:
    return np.asarray(sound / np.sqrt(np.mean(np.square(sound, dtype=np.float64))), np.float32)


def coloured(length: int, *, fall: float, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Noise of unit power whose power falls with frequency to the power of `fall`, [samples]."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1.0 / rate_hz)
    shape = np.maximum(frequency, LOWEST_HZ) ** (-fall / 2.0)
    shape[frequency < LOWEST_HZ] = 0.0
    noise = np.fft.irfft(spectrum * shape, length)
    return _unit_power(noise)


def hum(length: int, *, mains_hz: float, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Mains hum and its overtones over a little pink noise, of unit power, [samples]."""
    orders = np.arange(1, 13)
    amplitudes = rng.uniform(0.3, 1.0, len(orders)) / orders
    phases = rng.uniform(0.0, 2.0 * np.pi, len(orders))
    time_s = np.arange(length) / rate_hz
    tones = np.sin(2.0 * np.pi * mains_hz * orders[:, None] * time_s + phases[:, None])
    sound = amplitudes @ tones + 0.2 * coloured(length, fall=1.0, rate_hz=rate_hz, rng=rng)
    return _unit_power(sound)


def babble(words: list[Samples], length: int, *, voices: int, rng: np.random.Generator) -> Samples:
    """Many people talking at once, of unit power, [samples]: `words` in random order, overlaid."""
    sound = np.zeros(length, np.float32)
    for _ in range(voices):
        start = 0
        while start < length:
            word = words[int(rng.integers(len(words)))][: length - start]
            sound[start : start + len(word)] += word
            start += len(word) + int(rng.integers(1, 1 + len(word) // 2 + 1))
    return _unit_power(sound)


def word_only(clip: Clip, *, rate_hz: int) -> Samples:
    """The word without the silence around it, at `rate_hz`, with unit power, [samples]."""
    samples = soxr.resample(clip.samples, clip.rate_hz, rate_hz, quality="HQ")
    loud = np.flatnonzero(np.abs(samples) > 10.0 ** (SILENCE_DB / 20.0) * np.abs(samples).max())
    return _unit_power(samples[loud[0] : loud[-1] + 1])


def echoed(samples: Samples, *, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The same in a small room: the direct sound, then a tail of noise that dies away, [samples].

    The tail falls by 60 dB in 0.15 to 0.5 s and holds a tenth to a half of the direct sound's energy.
    """
    decay_s = rng.uniform(0.15, 0.5)
    share = rng.uniform(0.1, 0.5)
    time_s = np.arange(int(decay_s * rate_hz)) / rate_hz
    tail = rng.standard_normal(len(time_s)) * 10.0 ** (-3.0 * time_s / decay_s)
    tail[: int(0.003 * rate_hz)] = 0.0
    response = tail * np.sqrt(share / np.sum(tail**2))
    response[0] = 1.0
    return _convolve(samples, response)[: len(samples)]


def _convolve(samples: Samples, response: NDArray[np.float64]) -> Samples:
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size).astype(np.float32)


def scene(
    word: Samples,
    length: int,
    *,
    rate_hz: int,
    shift: int,
    snr_db: tuple[float, float],
    level_db: tuple[float, float],
    echo_share: float,
    rng: np.random.Generator,
) -> Samples:
    """A word of unit power in a clip of `length` samples, heard through noise, [samples].

    The word lies up to `shift` samples off the middle, as far as there is room. `snr_db` compares its
    power to that of the noise, `level_db` to full scale. Nothing clips: where it would, the whole clip
    is softer.
    """
    clip = np.zeros(length, np.float32)
    spare = length - len(word)
    start = int(np.clip(spare // 2 + rng.integers(-shift, shift + 1), 0, spare))
    clip[start : start + len(word)] = word
    if rng.random() < echo_share:
        clip = echoed(clip, rate_hz=rate_hz, rng=rng)
    fall = list(FALLS.values())[int(rng.integers(len(FALLS)))]
    noise = coloured(length, fall=fall, rate_hz=rate_hz, rng=rng)
    clip += noise * np.float32(10.0 ** (-rng.uniform(*snr_db) / 20.0))
    clip *= np.float32(10.0 ** (rng.uniform(*level_db) / 20.0))
    return clip * np.float32(min(1.0, PEAK / float(np.abs(clip).max())))
