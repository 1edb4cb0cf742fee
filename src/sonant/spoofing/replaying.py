"""A recording played by a loudspeaker, and the same speech in the same room from its speaker's mouth.

The spectra of loudspeakers and the decay of rooms are drawn, so that no measured set of them is needed. A
replay passes a room twice: where it was stolen, near the mouth, and where it is played. Source: the physical
access of ASVspoof 2019 (Wang et al., 2020, arXiv 1911.01601); rooms as exponentially decaying noise behind
the direct sound, after Polack, "La transmission de l'énergie sonore dans les salles" (1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sonant.audio import Clip, Samples

T60_S: Final = (0.15, 0.5)
"""Seconds in which a room's sound falls by 60 dB."""
DIRECT_DB: Final = (3.0, 12.0)
"""Direct sound over the room's, for a listener of some steps away."""
STOLEN_DB: Final = (14.0, 22.0)
"""The same for whoever records the voice to be stolen."""
LOW_HZ: Final = (90.0, 280.0)
HIGH_HZ: Final = (4500.0, 7000.0)
"""Where small loudspeakers begin and end, 3 dB below their middle."""
DRIVE: Final = (0.3, 1.5)
"""Peak of the speech at the loudspeaker, in units where its cone bends: 0.3 is clean, 1.5 audibly bent."""
NOISE_DB: Final = (25.0, 40.0)
"""Speech over the microphone's own noise."""
ORDER: Final = 2
"""Of the Butterworth slopes at both ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A place where something is heard."""

    t60_s: float
    direct_db: float

    def response(self, draw: Generator, *, rate_hz: int) -> NDArray[np.float64]:
        """Its impulse response, [samples]: the direct sound, then noise that falls by 60 dB in `t60_s`."""
        count = max(2, round(self.t60_s * rate_hz))
        times_s = np.arange(count) / rate_hz
        tail = draw.standard_normal(count) * 10 ** (-3.0 * times_s / self.t60_s)
        tail[0] = 0.0
        tail *= 10 ** (-self.direct_db / 20) / np.sqrt(np.square(tail).sum())
        tail[0] = 1.0
        return tail


def live(clip: Clip, *, seed: int) -> Clip:
    """Speech as a microphone hears it in the room that `seed` draws: the counterpart of its replay."""
    draw = np.random.default_rng(seed)
    return _heard(clip.samples.astype(np.float64), clip, draw)


def replayed(clip: Clip, *, seed: int) -> Clip:
    """The same room and microphone, and a loudspeaker in the place of the mouth.

    As long as `clip` [samples], and as loud as a whole. The same seed gives the same bits. Silence stays
    silent but for the microphone's noise, which is relative to the speech.
    """
    draw = np.random.default_rng((seed, 1))
    near = Room(t60_s=draw.uniform(*T60_S), direct_db=draw.uniform(*STOLEN_DB))
    stolen = _through(clip.samples.astype(np.float64), near.response(draw, rate_hz=clip.rate_hz))
    played = _played(stolen, draw, rate_hz=clip.rate_hz)
    return _heard(played, clip, np.random.default_rng(seed))


def _played(samples: NDArray[np.float64], draw: Generator, *, rate_hz: int) -> NDArray[np.float64]:
    """What a loudspeaker makes of [samples]: a band, and a cone that bends at its peaks."""
    peak = np.abs(samples).max(initial=0.0)
    if peak == 0.0:
        return samples
    drive = draw.uniform(*DRIVE) / peak
    samples = np.tanh(samples * drive) / drive
    low_hz, high_hz = draw.uniform(*LOW_HZ), draw.uniform(*HIGH_HZ)
    # Twice as long, so that what the filter's impulse response holds does not come round to the beginning.
    size = 2 * len(samples)
    hz = np.maximum(np.fft.rfftfreq(size, 1.0 / rate_hz), 1e-3)
    gain = 1.0 / np.sqrt(
        (1.0 + (low_hz / hz) ** (2 * ORDER)) * (1.0 + (hz / high_hz) ** (2 * ORDER))
    )
    return np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)]


def _heard(samples: NDArray[np.float64], clip: Clip, draw: Generator) -> Clip:
    """[samples] in a room by a microphone, as loud as `clip`; the first draws are the room's."""
    if not len(samples):
        return clip
    room = Room(t60_s=draw.uniform(*T60_S), direct_db=draw.uniform(*DIRECT_DB))
    heard = _through(samples, room.response(draw, rate_hz=clip.rate_hz))
    noise = draw.standard_normal(len(heard)) * 10 ** (-draw.uniform(*NOISE_DB) / 20)
    heard = heard + noise * _rms(heard)
    before = _rms(clip.samples.astype(np.float64))
    gain = before / _rms(heard) if before > 0.0 else 0.0
    # Rooms can stack up peaks; a quieter clip is better than one that is cut off.
    peak = float(np.abs(heard).max(initial=0.0)) * gain
    made: Samples = (heard * (gain / max(1.0, peak))).astype(np.float32)
    return Clip(made, clip.rate_hz)


def _through(samples: NDArray[np.float64], response: NDArray[np.float64]) -> NDArray[np.float64]:
    """[samples] through a response, cut to its length."""
    size = len(samples) + len(response)
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _rms(samples: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(samples).mean())) if len(samples) else 0.0
