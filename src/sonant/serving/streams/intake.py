"""Samples as clients send them, of any rate, width and number of channels, to what a model hears."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
import soxr
from numpy.typing import NDArray

from sonant.audio import Samples
from sonant.serving.status import invalid
from sonant.serving.streams.messages import whole

SLOWEST_HZ, FASTEST_HZ = 1000, 384_000
MOST_CHANNELS: Final = 32
FORMATS: Final[Mapping[str, tuple[int, bool]]] = {
    "u8": (1, False),
    "s16le": (2, False),
    "s24le": (3, False),
    "s32le": (4, False),
    "f32le": (4, True),
}
"""Name -> bytes of a sample, and whether it is a float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How samples stand in bytes; integers are signed and little-endian, but for 8 bits."""

    rate_hz: int
    width: int = 2
    """Bytes of a sample."""
    channels: int = 1
    is_float: bool = False

    def __post_init__(self) -> None:
        if not SLOWEST_HZ <= self.rate_hz <= FASTEST_HZ:
            raise invalid(f"rate: {self.rate_hz} Hz is not from {SLOWEST_HZ} to {FASTEST_HZ}")
        if (self.width, self.is_float) not in FORMATS.values():
            raise invalid(f"width: {self.width} bytes a sample are not among 1, 2, 3, 4")
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise invalid(f"channels: {self.channels} are not from 1 to {MOST_CHANNELS}")

    @property
    def frame_bytes(self) -> int:
        """One sample of every channel."""
        return self.width * self.channels

    @property
    def second_bytes(self) -> int:
        """One second."""
        return self.rate_hz * self.frame_bytes

    def told(self, data: Mapping[str, Any]) -> Format:
        """This one, with what `audio-start` or `audio-chunk` says otherwise; raises `Refusal`."""
        width = whole(data, "width", self.width)
        found = replace(
            self,
            rate_hz=whole(data, "rate", self.rate_hz),
            width=width,
            channels=whole(data, "channels", self.channels),
            is_float=self.is_float and width == self.width,
        )
        return found.named(data["format"]) if data.get("format") is not None else found

    def named(self, name: object) -> Format:
        """This one, with samples of that format; raises `Refusal`."""
        if not isinstance(name, str) or name not in FORMATS:
            raise invalid(f"format: {name!r:.50} is not one of {', '.join(FORMATS)}")
        width, is_float = FORMATS[name]
        return replace(self, width=width, is_float=is_float)

    @property
    def name(self) -> str:
        """The name of its samples."""
        return next(n for n, kind in FORMATS.items() if kind == (self.width, self.is_float))

    def to_json(self) -> dict[str, Any]:
        """As `info` says it."""
        return {
            "rate": self.rate_hz,
            "width": self.width,
            "channels": self.channels,
            "format": self.name,
        }


@final
class Intake:
    """Bytes of one stream, as they come -> samples at the model's rate."""

    def __init__(self, format: Format, *, rate_hz: int) -> None:
        """`rate_hz` is the model's."""
        self.format: Final = format
        self.is_float: Final = format != Format(rate_hz=rate_hz)
        """Whether it gives float32; else it gives the 16-bit integers that came, untouched."""
        self._rest = b""
        self._resampler = (
            soxr.ResampleStream(format.rate_hz, rate_hz, 1, dtype="float32", quality="HQ")
            if format.rate_hz != rate_hz
            else None
        )

    def hear(self, data: bytes) -> bytes:
        """Samples, mono; half a sample at the end waits for its other half.

        Raises `Refusal` where floats are no numbers.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if left := len(data) % self.format.frame_bytes:
            self._rest = data[-left:]
            data = data[:-left]
        if not self.is_float or not data:
            return data
        mono = self._mono(data)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(mono)
        return mono.tobytes()

    def finish(self) -> bytes:
        """What the resampling filter still holds; nothing can be heard afterwards."""
        if self._resampler is None:
            return b""
        last: bytes = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True).tobytes()
        return last

    def _mono(self, data: bytes) -> Samples:
        values = _DECODED[self.format.width](data) if not self.format.is_float else _floats(data)
        if self.format.channels == 1:
            return values
        mean: Samples = values.reshape(-1, self.format.channels).mean(axis=1, dtype=np.float32)
        return mean


def _floats(data: bytes) -> Samples:
    values: Samples = np.frombuffer(data, "<f4")
    # The energy is no number as soon as one sample is none; beyond 1e18 it is none either.
    with np.errstate(all="ignore"):
        energy = float(np.dot(values, values))
    if not math.isfinite(energy):
        raise invalid("the samples are not numbers (NaN or infinite), or far too large")
    return values


def _u8(data: bytes) -> Samples:
    return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * np.float32(2**-7)


def _s16(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(np.float32) * np.float32(2**-15)


def _s24(data: bytes) -> Samples:
    wide: NDArray[np.uint8] = np.zeros((len(data) // 3, 4), np.uint8)
    # In the upper three bytes, so that the sign stands where it belongs.
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.reshape(-1).view("<i4").astype(np.float32) * np.float32(2**-31)


def _s32(data: bytes) -> Samples:
    return np.frombuffer(data, "<i4").astype(np.float32) * np.float32(2**-31)


_DECODED: Final = {1: _u8, 2: _s16, 3: _s24, 4: _s32}
