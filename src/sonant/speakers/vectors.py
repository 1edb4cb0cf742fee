"""Embeddings as the store keeps them: unit length, float32, little-endian bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonant.errors import StoreError

Vectors = NDArray[np.float32]
KEPT: Final = np.dtype("<f4")
SHORTEST: Final = 1e-6
"""Length from which on a vector has a direction, and how near to 1 it is a unit."""


def units(embeddings: ArrayLike) -> Vectors:
    """[utterances, size], or [size] for one, as unit vectors [utterances, size].

    Raises `StoreError` for another shape, for what is not finite, and for vectors without a direction.
    """
    values = np.asarray(embeddings, np.float64)
    rows = values[None] if values.ndim == 1 else values
    if rows.ndim != 2 or not rows.size:
        raise StoreError(f"embeddings are {list(values.shape)}, want [utterances, size]")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or lengths.min() < SHORTEST:
        worst = int(np.argmin(np.where(np.isfinite(lengths[:, 0]), lengths[:, 0], -1.0)))
        raise StoreError(
            f"embedding {worst} has no direction (length {lengths[worst, 0]:g}); "
            f"embed the clip again, and check that it holds speech"
        )
    # What is of unit length already keeps every bit, so that its digest stays the same.
    lengths[np.abs(lengths - 1.0) < SHORTEST] = 1.0
    directions: Vectors = (rows / lengths).astype(np.float32)
    return directions


def centre(vectors: Vectors) -> Vectors:
    """The unit vector [size] in the middle of unit vectors [utterances, size].

    Raises `StoreError` where they cancel out.
    """
    try:
        (middle,) = units(vectors.astype(np.float64).mean(axis=0))
    except StoreError as error:
        raise StoreError(
            "the embeddings point in opposite directions; they are not of one speaker"
        ) from error
    return cast(Vectors, middle)


def packed(vector: Vectors) -> bytes:
    """One vector as bytes."""
    return vector.astype(KEPT).tobytes()


def unpacked(blob: bytes | memoryview) -> Vectors:
    """The vector that `packed` wrote, a copy."""
    return np.frombuffer(blob, KEPT).astype(np.float32)


def stacked(blobs: Sequence[bytes]) -> Vectors:
    """Packed vectors of one size as [vectors, size]."""
    return np.frombuffer(b"".join(blobs), KEPT).astype(np.float32).reshape(len(blobs), -1)


def digest(vector: Vectors) -> str:
    """What two equal embeddings have in common, 32 hexadecimal digits."""
    return hashlib.sha256(packed(vector)).hexdigest()[:32]
