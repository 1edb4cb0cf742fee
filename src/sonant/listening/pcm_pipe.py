"""Samples from a pipe, where nothing can be sought: bare 16-bit numbers, or WAV as it comes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from sonant.audio import PCM16_SCALE, Samples
from sonant.errors import AudioError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
"""Codes of WAV; with the last, the true one stands further behind."""
TYPES: Final = {(PCM, 16): "<i2", (FLOAT, 32): "<f4"}
READ_BYTES: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the samples of a pipe are."""

    rate_hz: int
    channels: int = 1
    type: str = "<i2"
    """As numpy names it: little-endian 16-bit integers, or 32-bit floats."""
    bytes: int | None = None
    """Length of the samples; None: to the end."""


def read_header(stream: BinaryIO, *, rate_hz: int) -> tuple[Header, bytes]:
    """What comes, and the bytes read so far that are samples already.

    Without a WAV header it is 16-bit mono at `rate_hz`. Raises `AudioError` for a WAV header that is
    cut short, or of samples that are neither 16-bit integers nor 32-bit floats.
    """
    begin = _exactly(stream, 12)
    if not (begin[:4] == b"RIFF" and begin[8:] == b"WAVE"):
        return Header(rate_hz=rate_hz), begin
    header: Header | None = None
    while True:
        chunk = _exactly(stream, 8)
        if len(chunk) < 8:
            raise AudioError("stdin: the WAV header ends before the samples begin")
        kind, size = chunk[:4], int.from_bytes(chunk[4:], "little")
        if kind == b"data":
            break
        # A chunk of odd length is followed by one byte that means nothing.
        body = _exactly(stream, size + size % 2)
        header = _format(body) if kind == b"fmt " else header
    if header is None:
        raise AudioError("stdin: the WAV header does not say what its samples are")
    # Whoever writes to a pipe does not know the length, and says 0 or the greatest number.
    endless = size == 0 or size >= 0x7FFF_FFFF
    return Header(
        rate_hz=header.rate_hz,
        channels=header.channels,
        type=header.type,
        bytes=None if endless else size,
    ), b""


def blocks_of(stream: BinaryIO, header: Header, *, rest: bytes = b"") -> Iterator[Samples]:
    """Mono blocks as they come, without waiting for more; half a sample at the end is dropped."""
    frame = header.channels * np.dtype(header.type).itemsize
    left = header.bytes
    # Only a buffered stream can give what is there and no more.
    read = getattr(stream, "read1", stream.read)
    while True:
        new = read(READ_BYTES if left is None else min(READ_BYTES, left))
        left = None if left is None else left - len(new)
        held = rest + new
        whole = len(held) // frame * frame
        rest = held[whole:]
        if whole:
            yield _mono(held[:whole], header)
        if not new:
            return


def _mono(held: bytes, header: Header) -> Samples:
    values = np.frombuffer(held, header.type).reshape(-1, header.channels)
    mono = values[:, 0] if header.channels == 1 else values.mean(axis=1)
    samples: Samples = mono.astype(np.float32)
    return samples / np.float32(PCM16_SCALE) if header.type == "<i2" else samples


def _format(body: bytes) -> Header:
    if len(body) < 16:
        raise AudioError("stdin: the WAV header is damaged; its format is cut short")
    code, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if code == EXTENSIBLE and len(body) >= 26:
        code = int.from_bytes(body[24:26], "little")
    if (code, bits) not in TYPES or not channels or not rate_hz:
        raise AudioError(
            f"stdin: WAV with {bits}-bit samples of code {code}, {channels} channels, {rate_hz} Hz; "
            f"from a pipe want 16-bit integers or 32-bit floats, as `ffmpeg -i ... -f wav -` gives"
        )
    return Header(rate_hz=rate_hz, channels=channels, type=TYPES[code, bits])


def _exactly(stream: BinaryIO, count: int) -> bytes:
    """So many bytes, fewer only at the end."""
    held = b""
    while len(held) < count and (new := stream.read(count - len(held))):
        held += new
    return held
