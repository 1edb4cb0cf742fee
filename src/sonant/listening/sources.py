"""Where a live stream comes from: a file of any length, a pipe, a microphone; in blocks, never all of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import soundfile
import soxr

from sonant.audio import Samples
from sonant.errors import AudioError, MissingExtra
from sonant.listening.pcm_pipe import blocks_of, read_header

BLOCK_S: Final = 1.0
"""Of a file: long enough to be fast, short enough for bounded memory."""
LIVE_BLOCK_S: Final = 0.02
"""Of a microphone: what is said is heard no later than this."""
LIBRARY: Final = "sounddevice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Mono sound that comes in blocks."""

    name: str
    """For messages."""
    rate_hz: int
    """Samples a second."""
    blocks: Iterator[Samples]
    """[samples] each, float32, of any length."""

    def at(self, rate_hz: int) -> Iterator[Samples]:
        """The blocks at another rate; soxr's filter goes on from block to block."""
        if rate_hz == self.rate_hz:
            yield from self.blocks
            return
        resampler = soxr.ResampleStream(
            self.rate_hz, rate_hz, num_channels=1, dtype="float32", quality="HQ"
        )
        for block in self.blocks:
            yield resampler.resample_chunk(block)
        # What the filter still holds when the sound is over.
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def named(
    name: str, *, own_hz: int, rate_hz: int | None = None, device: str | None = None
) -> AbstractContextManager[Source]:
    """What a command line calls a source: a file, `-` for stdin, or `mic`.

    A microphone is asked for `own_hz`; bare samples on stdin have `rate_hz`, or `own_hz` too. Raises as the
    functions below do.
    """
    if name == "-":
        return from_pipe(sys.stdin.buffer, rate_hz=rate_hz or own_hz)
    if name == "mic":
        number = int(device) if device is not None and device.isdecimal() else device
        return from_microphone(rate_hz=own_hz, device=number)
    return from_file(Path(name))


@contextmanager
def from_file(path: Path) -> Iterator[Source]:
    """A file of any format and length; raises `AudioError` where it cannot be read."""
    try:
        # As bytes: a name that is not text in any encoding is still the name of a file.
        sound = soundfile.SoundFile(os.fsencode(path))
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        reason = error if path.exists() else "no such file"
        raise AudioError(f"{path}: cannot be read as audio ({reason})") from error
    with sound:
        rate_hz = int(sound.samplerate)
        yield Source(name=str(path), rate_hz=rate_hz, blocks=_file_blocks(sound, path))


@contextmanager
def from_pipe(stream: BinaryIO, *, rate_hz: int) -> Iterator[Source]:
    """WAV, or 16-bit little-endian mono samples at `rate_hz`, as they come.

    Raises `AudioError` where a WAV file is of a kind that cannot be read without seeking.
    """
    header, rest = read_header(stream, rate_hz=rate_hz)
    yield Source(name="stdin", rate_hz=header.rate_hz, blocks=blocks_of(stream, header, rest=rest))


@contextmanager
def from_microphone(*, rate_hz: int, device: str | int | None = None) -> Iterator[Source]:
    """A microphone, in blocks of 20 ms, by sounddevice; at its own rate where it has no `rate_hz`.

    Raises `MissingExtra` without the library, and `AudioError` without PortAudio or where the
    device does not open.
    """
    library = _sounddevice()
    try:
        stream = _opened(library, rate_hz, device)
    except (library.PortAudioError, ValueError) as error:
        raise AudioError(
            f"microphone {device if device is not None else '(the default)'}: does not open "
            f"({error}); `python -m sounddevice` lists what there is, choose one with --device"
        ) from error
    with stream:
        yield Source(
            name="the microphone",
            rate_hz=round(stream.samplerate),
            blocks=_live_blocks(stream, library=library),
        )


def _opened(library: Any, rate_hz: int, device: str | int | None) -> Any:
    """At the rate that is wanted, or at the device's own where it knows no other."""

    def at(rate_hz: int) -> Any:
        return library.InputStream(
            samplerate=rate_hz,
            channels=1,
            dtype="float32",
            device=device,
            blocksize=round(LIVE_BLOCK_S * rate_hz),
        )

    try:
        return at(rate_hz)
    except library.PortAudioError:
        own_hz = round(library.query_devices(device, "input")["default_samplerate"])
        if own_hz == rate_hz:
            raise
        return at(own_hz)


def _file_blocks(sound: soundfile.SoundFile, path: Path) -> Iterator[Samples]:
    size = max(1, round(BLOCK_S * sound.samplerate))
    try:
        for block in sound.blocks(size, dtype="float32", always_2d=True):
            yield np.ascontiguousarray(block.mean(axis=1, dtype=np.float32))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read to its end ({error})") from error


def _live_blocks(stream: Any, *, library: Any) -> Iterator[Samples]:
    while True:
        try:
            block, _ = stream.read(stream.blocksize)
        except library.PortAudioError as error:
            raise AudioError(f"the microphone stopped ({error})") from error
        yield block[:, 0].copy()


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtra(LIBRARY, extra="mic", purpose="a microphone") from error
    except OSError as error:
        # The library is there, but not the PortAudio that it drives.
        raise AudioError(
            f"a microphone needs PortAudio ({error}); install it, as in `apt install libportaudio2` "
            f"or `brew install portaudio`"
        ) from error
    return sounddevice
