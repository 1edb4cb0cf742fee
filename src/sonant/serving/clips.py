"""Clips as requests carry them: samples, 16-bit bytes, or the bytes of a sound file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

import numpy as np
import soundfile

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.errors import AudioError
from sonant.serving.status import invalid

SAMPLES: Final = "samples"
PCM: Final = "pcm"
WAV: Final = "wav"
WANTED: Final[Mapping[str, str]] = {
    SAMPLES: "[batch, samples]",
    PCM: "[batch] of bytes",
    WAV: "[batch] of bytes",
}
"""The shape that each input has to have, for messages."""
LONGEST_S: Final = 600.0
"""A few kilobytes of FLAC can hold hours of silence: what lasts longer is not unpacked."""
MOST_CHANNELS: Final = 32
MOST_SAMPLES: Final = 60_000_000
"""Of all channels together, 240 MB as numbers: ten minutes in stereo at 48 kHz."""


def from_pcm16(clip: bytes, *, name: str) -> Samples:
    """16-bit little-endian mono -> [samples]; raises `Refusal` naming the clip when the bytes are none."""
    if not clip or len(clip) % 2:
        raise invalid(f"{name}: {len(clip)} bytes are no 16-bit samples")
    return audio.from_pcm16(np.frombuffer(clip, "<i2"))


def from_file(clip: bytes, *, name: str, longest_s: float = LONGEST_S) -> Clip:
    """The bytes of a sound file, of any format and rate; raises `Refusal` naming what cannot be read."""
    try:
        with soundfile.SoundFile(io.BytesIO(clip)) as sound:
            seconds, channels = sound.frames / max(sound.samplerate, 1), sound.channels
            samples = sound.frames * channels
        if seconds > longest_s or channels > MOST_CHANNELS:
            raise invalid(
                f"{name}: lasts {seconds:.0f} s with {channels} channels; "
                f"at most {longest_s:.0f} s and {MOST_CHANNELS} channels are read"
            )
        if samples > MOST_SAMPLES:
            raise invalid(f"{name}: has {samples} samples; at most {MOST_SAMPLES} are read")
        return audio.read(clip)
    except (soundfile.SoundFileError, AudioError) as error:
        raise invalid(f"{name}: cannot be read as audio ({error})") from error
