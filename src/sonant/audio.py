"""Audio in and out: any format, rate, channel count and length becomes mono float samples.

Samples are float32 in [-1, 1]; 16-bit PCM is that times 32768. Nothing here knows of labels or models.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sonant.errors import AudioError

Samples = NDArray[np.float32]
Pad = Literal["end", "random", "edge", "centre"]
Crop = Literal["start", "random", "centre", "end"]

PCM16_SCALE = 32768
SUFFIXES = frozenset(
    f".{name.lower()}"
    for name in (*soundfile.available_formats(), "aif", "oga", "opus", "snd", "sph")
) - {".raw"}
"""File name endings that libsndfile can read; headerless `.raw` is not among them."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of mono audio."""

    samples: Samples
    """[samples], float32 in [-1, 1]."""
    rate_hz: int
    """Hertz."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


def read(
    source: Path | str | bytes,
    *,
    rate_hz: int | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Clip:
    """Read a file, or the bytes of one, as mono; `rate_hz` resamples, `start_s`/`end_s` cut a segment.

    Channels are averaged. Raises `AudioError` naming the file when it is missing, damaged, or the
    segment lies outside it.
    """
    name = "<bytes>" if isinstance(source, bytes) else str(source)
    # As bytes: a name that is not text in any encoding is still the name of a file.
    file = io.BytesIO(source) if isinstance(source, bytes) else os.fsencode(source)
    try:
        with soundfile.SoundFile(file) as sound:
            start, stop = _segment(sound.samplerate, sound.frames, start_s, end_s, name)
            if start:
                sound.seek(start)
            wanted = -1 if stop is None else stop - start
            samples = sound.read(wanted, dtype="float32", always_2d=True)
            native_hz = int(sound.samplerate)
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise AudioError(f"{name}: cannot be read as audio ({_reason(source, error)})") from error
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    clip = Clip(np.ascontiguousarray(mono), native_hz)
    return clip if rate_hz is None else resample(clip, rate_hz)


def _segment(
    rate_hz: int, frames: int, start_s: float | None, end_s: float | None, name: str
) -> tuple[int, int | None]:
    """Sample numbers of a segment, checked against the file's length."""
    start = round((start_s or 0.0) * rate_hz)
    stop = None if end_s is None else min(round(end_s * rate_hz), frames)
    if start < 0 or (start and start >= frames) or (stop is not None and stop <= start):
        raise AudioError(
            f"{name}: segment {start_s or 0.0:g} s to {end_s if end_s is not None else 'the end'} "
            f"lies outside the file, which lasts {frames / rate_hz:.3f} s"
        )
    return start, stop


def _reason(source: Path | str | bytes, error: Exception) -> str:
    """Say plainly why a file did not open; libsndfile's own words when it has better ones."""
    if isinstance(source, bytes):
        return "empty" if not source else str(error)
    path = Path(source)
    if not path.exists():
        return "no such file"
    if path.is_dir():
        return "it is a folder"
    return "the file is empty" if path.stat().st_size == 0 else str(error).strip()


def write(path: Path | str, clip: Clip, *, subtype: str = "PCM_16") -> Path:
    """Write a clip; the ending chooses the format (`.wav`, `.flac`, `.ogg`...)."""
    path = Path(path)
    try:
        soundfile.write(str(path), clip.samples, clip.rate_hz, subtype=subtype)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise AudioError(f"{path}: cannot be written ({error})") from error
    return path


def resample(clip: Clip, rate_hz: int) -> Clip:
    """Change the sample rate with soxr's high-quality filter; the same rate returns the same clip."""
    if clip.rate_hz == rate_hz:
        return clip
    if rate_hz <= 0:
        raise AudioError(
            f"rate_hz: {rate_hz} is not a sample rate; want a positive number of hertz"
        )
    return Clip(soxr.resample(clip.samples, clip.rate_hz, rate_hz, quality="HQ"), rate_hz)


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Float samples in [-1, 1] -> 16-bit PCM, rounded and clipped."""
    scaled = np.rint(samples * np.float32(PCM16_SCALE))
    pcm: NDArray[np.int16] = np.clip(scaled, -PCM16_SCALE, PCM16_SCALE - 1).astype(np.int16)
    return pcm


def from_pcm16(pcm: NDArray[np.int16]) -> Samples:
    """16-bit PCM -> float samples in [-1, 1)."""
    return pcm.astype(np.float32) / np.float32(PCM16_SCALE)


def place(
    length: int, want: int, *, pad: Pad, crop: Crop, position: float = 0.5
) -> tuple[int, int, int]:
    """Where `length` samples go in a window of `want`: (first source sample, first target sample, count).

    `position` in [0, 1) is used by the `random` policies only; 0.5, their answer in evaluation, is
    the middle.
    """
    if length >= want:
        spare = length - want
        first = {
            "start": 0,
            "end": spare,
            "centre": spare // 2,
            "random": int(position * (spare + 1)),
        }
        return first[crop], 0, want
    spare = want - length
    before = {"end": 0, "edge": 0, "centre": spare // 2, "random": int(position * (spare + 1))}
    return 0, before[pad], length


def fit_length(
    samples: Samples, want: int, *, pad: Pad = "end", crop: Crop = "start", position: float = 0.5
) -> Samples:
    """Cut or fill to exactly `want` samples.

    Padding: `end` zeros behind, `edge` repeats the last sample behind, `centre` zeros on both sides,
    `random` zeros on both sides with a share of `position` in front. Cropping keeps the `start`, the
    `end`, the `centre`, or a `random` part. An empty clip becomes zeros.
    """
    if len(samples) == want:
        return samples
    source, target, count = place(len(samples), want, pad=pad, crop=crop, position=position)
    fitted = np.zeros(want, np.float32)
    fitted[target : target + count] = samples[source : source + count]
    if pad == "edge" and 0 < count < want:
        fitted[target + count :] = samples[source + count - 1]
    return fitted


PADS: tuple[Pad, ...] = get_args(Pad)
CROPS: tuple[Crop, ...] = get_args(Crop)
