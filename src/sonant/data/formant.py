"""A small formant synthesiser: the stand-in where espeak-ng cannot be had. numpy only.

A glottal pulse train and noise are cut into short overlapping frames; each frame's spectrum is multiplied
by the response of a cascade of resonators (voice and breath) or a band (hiss), and the frames are added
up. The arrangement is the cascade branch of Klatt 1980, "Software for a cascade/parallel formant
synthesizer"; the pulse is that of Rosenberg 1971, "Effect of glottal pulse shape on the quality of
natural vowels", type B. The same utterance gives the same samples to the bit.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.audio import Clip
from sonant.data.phonemes import PHONEMES, PRONUNCIATIONS, Part
from sonant.data.voices import Utterance, Voice
from sonant.errors import ManifestError

Floats = NDArray[np.float64]

VERSION: Final = "1"
"""Goes up when the same utterance is meant to sound otherwise."""
RATE_HZ: Final = 16000
HOP, WINDOW, FFT = 64, 256, 1024
FRAME_MS: Final = 1000.0 * HOP / RATE_HZ
MARGIN: Final = 10
"""Frames of silence before and behind the word."""
GLIDE_MS: Final = 60.0
"""Formants take this long from one target to the next."""
ONSET_MS: Final = 14.0
"""Amplitudes take this long."""
BANDWIDTHS_HZ: Final = (70.0, 100.0, 150.0, 250.0, 300.0)
HIGH_FORMANTS_HZ: Final = (3500.0, 4500.0)
OPENING: Final = 0.40
"""Share of a period in which the glottis opens."""
CLOSING: Final = (0.06, 0.20)
"""Share in which it closes, of a clear and of a breathy voice: the shorter, the brighter."""


class Formant:
    """The synthesiser."""

    name: Final = "formant"
    timbres: Final = 1 << 16
    licence: Final = "Spoken by sonant itself."
    versions: Mapping[str, str] = {"formant": VERSION}

    def check(self, words: Sequence[str]) -> None:
        """Only the words of its small dictionary can be said."""
        unknown = sorted(set(words) - set(PRONUNCIATIONS))
        if unknown:
            raise ManifestError(
                f"words: the formant synthesiser cannot say {', '.join(unknown)}; it knows "
                f"{', '.join(PRONUNCIATIONS)}. espeak-ng can say any word: pip install 'sonant[synth]'"
            )

    def speak(self, utterances: Sequence[Utterance]) -> Generator[Clip, None, None]:
        """The sound of each utterance, in order, at 16 kHz."""
        self.check([utterance.word for utterance in utterances])
        yield from map(synthesise, utterances)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tracks:
    """What the synthesiser is told, [frames] each; formants and bandwidths are [frames, 5]."""

    formants: Floats
    bandwidths: Floats
    voice: Floats
    breath: Floats
    hiss: Floats
    hiss_hz: Floats
    hiss_width: Floats


def synthesise(utterance: Utterance) -> Clip:
    """The sound of one utterance at 16 kHz; its word must be in the dictionary."""
    rng = np.random.default_rng([utterance.seed, utterance.voice.timbre])
    parts = [part for symbol in PRONUNCIATIONS[utterance.word].split() for part in PHONEMES[symbol]]
    tracks = _tracks(parts, utterance.voice, rng)
    length = len(tracks.voice) * HOP
    pulses = _pulses(_pitch_hz(utterance, length, rng), utterance.voice.breath, rng)
    # Breath rushes with the pulse: most of it while the glottis is open.
    air = rng.standard_normal(length) * 0.05 * (0.4 + np.abs(pulses) / np.abs(pulses).max())
    breathy = 0.2 + 1.5 * utterance.voice.breath**2
    glottis = pulses * _per_sample(tracks.voice) + air * (
        _per_sample(tracks.voice) * breathy + 12.0 * _per_sample(tracks.breath)
    )
    throat = _overlap(_frames(glottis) * _resonances(tracks))
    loud = np.sqrt(np.mean(throat**2)) / np.sqrt(np.mean(_per_sample(tracks.voice) ** 2) + 1e-9)
    hiss = _overlap(
        _frames(rng.standard_normal(length) * _per_sample(tracks.hiss)) * _bands(tracks)
    )
    sound = throat / loud + hiss
    return Clip((0.3 * sound / np.abs(sound).max()).astype(np.float32), RATE_HZ)


# -- what to say -----------------------------------------------------------------------------------


def _tracks(parts: Sequence[Part], voice: Voice, rng: np.random.Generator) -> _Tracks:
    lengths = np.array([part.length_ms for part in parts]) * rng.uniform(0.85, 1.15, len(parts))
    frames = np.maximum(1, np.rint(lengths / voice.speed / FRAME_MS)).astype(int)
    # Before and behind the word the mouth stays as it is, and is silent.
    held = np.pad(np.repeat(np.arange(len(parts)), frames), MARGIN, mode="edge")
    spoken = np.pad(np.ones(frames.sum()), MARGIN)

    def steady(name: str) -> Floats:
        return np.array([getattr(part, name) for part in parts], np.float64)[held]

    def amplitude(name: str) -> Floats:
        return _smooth(steady(name) * spoken, ONSET_MS)

    personal = np.random.default_rng(voice.timbre).uniform(0.95, 1.05, 3)
    low = np.array([part.formants for part in parts]) * personal * rng.uniform(0.97, 1.03, 3)
    high = np.broadcast_to(HIGH_FORMANTS_HZ, (len(parts), 2))
    targets = np.concatenate([low, high], axis=1) * _tract(voice)
    glides = np.stack([_smooth(track, GLIDE_MS / voice.speed) for track in targets[held].T], axis=1)
    damping = _smooth(steady("damping"), GLIDE_MS / 2)
    return _Tracks(
        formants=np.minimum(glides, 0.48 * RATE_HZ),
        bandwidths=damping[:, None] * np.array(BANDWIDTHS_HZ) * (1.0 + voice.breath),
        voice=amplitude("voice"),
        breath=amplitude("breath"),
        hiss=amplitude("hiss"),
        hiss_hz=steady("hiss_hz") * _tract(voice),
        hiss_width=steady("hiss_width"),
    )


def _tract(voice: Voice) -> float:
    """Higher voices come from shorter throats: up to 18 % from the lowest to the highest."""
    return voice.tract * (0.96 + 0.18 * voice.height)


def _smooth(track: Floats, length_ms: float) -> Floats:
    """A moving average with a raised-cosine weight; the ends are held."""
    half = max(1, round(length_ms / FRAME_MS / 2))
    weight = np.hanning(2 * half + 3)[1:-1]
    padded = np.pad(track, half, mode="edge")
    return np.convolve(padded, weight / weight.sum(), mode="valid")


def _pitch_hz(utterance: Utterance, length: int, rng: np.random.Generator) -> Floats:
    """Hertz at each sample: a fall, or a rise at the end of a question, and a little unsteadiness."""
    voice = utterance.voice
    base_hz = 85.0 * 3.0**voice.height
    place = np.linspace(0.0, 1.0, length)
    ends = {"?": 0.35, "!": -0.35}.get(utterance.ending, -0.15)
    melody = (0.1 + voice.melody) * (0.15 * np.sin(np.pi * place) + ends * place**2)
    wander = np.interp(place, np.linspace(0.0, 1.0, 12), rng.normal(0.0, 0.015, 12))
    return np.asarray(base_hz * 2.0 ** (melody + wander), np.float64)


def _pulses(pitch_hz: Floats, breath: float, rng: np.random.Generator) -> Floats:
    """The change of the air flow through the glottis, [samples]."""
    phase = np.cumsum(pitch_hz) / RATE_HZ + rng.random()
    cycle = phase.astype(int)
    jitter = rng.normal(0.0, 0.01, cycle[-1] + 1)[cycle]
    shimmer = rng.normal(1.0, 0.05, cycle[-1] + 1)[cycle]
    place = (phase - cycle) * (1.0 + jitter)
    opening = np.clip(place / OPENING, 0.0, 1.0)
    clear, breathy = CLOSING
    closing = np.clip((place - OPENING) / (clear + (breathy - clear) * breath), 0.0, 1.0)
    flow = shimmer * (3.0 * opening**2 - 2.0 * opening**3) * (1.0 - closing**2)
    return np.diff(flow, prepend=flow[0])


# -- how it sounds ---------------------------------------------------------------------------------


def _per_sample(track: Floats) -> Floats:
    return np.interp(np.arange(len(track) * HOP) / HOP, np.arange(len(track)), track)


def _frames(samples: Floats) -> NDArray[np.complex64]:
    """Spectra of overlapping windowed frames, [frames, bins]."""
    padded = np.pad(samples, (WINDOW // 2, WINDOW)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32) * np.float32(HOP * 2.0 / WINDOW)
    count = len(samples) // HOP
    return np.fft.rfft(frames[:count] * window, FFT).astype(np.complex64)


def _overlap(spectra: NDArray[np.complex64]) -> Floats:
    """Add the frames up again, [samples]; each rings on after its window."""
    frames = np.fft.irfft(spectra, FFT)
    blocks = frames.reshape(len(frames), FFT // HOP, HOP)
    sound = np.zeros((len(frames) + FFT // HOP - 1, HOP))
    for number in range(FFT // HOP):
        sound[number : number + len(frames)] += blocks[:, number]
    return sound[: len(frames)].reshape(-1)


def _resonances(tracks: _Tracks) -> NDArray[np.complex64]:
    """Response of the five resonators in cascade, each with a gain of one at 0 Hz, [frames, bins]."""
    delay = np.exp(-2j * np.pi * np.arange(FFT // 2 + 1) / FFT).astype(np.complex64)
    response = np.ones((len(tracks.voice), len(delay)), np.complex64)
    radius = np.exp(-np.pi * tracks.bandwidths / RATE_HZ)
    first = (2.0 * radius * np.cos(2.0 * np.pi * tracks.formants / RATE_HZ)).astype(np.float32)
    second = (-(radius**2)).astype(np.float32)
    for b, c in zip(first.T[:, :, None], second.T[:, :, None], strict=True):
        response *= (1.0 - b - c) / (1.0 - b * delay - c * delay**2)
    return response


def _bands(tracks: _Tracks) -> NDArray[np.float32]:
    """A bell over the octaves around the middle of the hiss, that keeps the power, [frames, bins]."""
    octaves = np.log2(np.maximum(np.arange(FFT // 2 + 1) * RATE_HZ / FFT, 20.0))
    distance = (octaves - np.log2(tracks.hiss_hz)[:, None]) / tracks.hiss_width[:, None]
    band = np.exp(-0.5 * distance**2)
    return np.asarray(band / np.sqrt(np.mean(band**2, axis=1, keepdims=True)), np.float32)
