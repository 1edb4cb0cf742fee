"""What the mark in the sound says, as bits: a version, the start of the model's digest, and a check."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

VERSION: Final = 1
"""Of the mark's form; another number is another form."""
DIGITS: Final = 5
"""Hexadecimal digits of the model's digest: enough to tell the models of one house apart."""
BITS: Final = 32
"""4 of the version, 20 of the digest, 8 of the check: few, so that each is said often."""

Bits = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What a mark says."""

    model: str
    """The first `DIGITS` hexadecimal digits of the digest of the graph that made the speech."""
    version: int = VERSION

    @classmethod
    def of(cls, digest: str) -> Payload:
        """The payload for a model; `digest` is a sha256 in hexadecimal digits."""
        return cls(model=digest[:DIGITS].lower())


def to_bits(payload: Payload) -> Bits:
    """[BITS] of 0 and 1, the highest bit of each byte first."""
    number = payload.version << 4 * DIGITS | int(payload.model, 16)
    body = number.to_bytes(3, "big")
    return np.unpackbits(np.frombuffer(body + _check(body), np.uint8)).astype(np.int64)


def from_bits(bits: Bits) -> Payload | None:
    """What [BITS] say; None where version or check do not fit: random bits pass once in 4096 times."""
    whole = np.packbits(bits.astype(np.uint8)).tobytes()
    body = whole[:-1]
    version, model = divmod(int.from_bytes(body, "big"), 1 << 4 * DIGITS)
    if _check(body) != whole[-1:] or version != VERSION:
        return None
    return Payload(model=f"{model:0{DIGITS}x}", version=version)


def _check(body: bytes) -> bytes:
    return bytes([zlib.crc32(body) & 0xFF])
