"""Floating-point numbers as TensorFlow Serving writes them.

Six digits where they give the number again, else nine for 32 bits and seventeen for 64; with `.0`
where nothing else shows that it is no integer. NaN and infinities are bare words, which is no JSON.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FEW: Final = 24
"""So many numbers are written faster one by one."""
SOME: Final = 1024
"""So many are written in one go."""
NULL: Final = "null"
_pack: Final = struct.Struct("f").pack
_unpack: Final = struct.Struct("f").unpack


def decimal(value: float, *, single: bool) -> str:
    """The text of one number; `single` says that it stands for one of 32 bits."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return _single(_rounded(value)) if single else _double(value)


def decimals(values: NDArray[Any], *, nan: bool = True) -> list[str]:
    """The texts of an array of 32 or 64 bits, flat; without `nan`, what is not finite is null."""
    flat = values.ravel()
    single = flat.dtype.itemsize < np.dtype(np.float64).itemsize
    numbers: list[float] = flat.tolist()
    if single and len(numbers) <= FEW and all(map(math.isfinite, numbers)):
        return [_single(number) for number in numbers]
    if len(numbers) <= FEW:
        return [_text(number, single=single, nan=nan) for number in numbers]
    form = "%.9g\n" if single else "%.17g\n"
    texts: list[str] = []
    for start in range(0, len(numbers), SOME):
        part = tuple(numbers[start : start + SOME])
        texts += (form * len(part) % part).split("\n")[:-1]
    for place in np.flatnonzero(_may_be_short(flat.astype(np.float64), single=single)).tolist():
        texts[place] = _text(numbers[place], single=single, nan=nan)
    return texts


def _single(value: float) -> str:
    """Of one that is finite and of 32 bits already."""
    text = f"{value:g}"
    if _unpack(_pack(float(text)))[0] != value:
        text = f"{value:.9g}"
    return _pointed(text)


def _double(value: float) -> str:
    text = f"{value:g}"
    return _pointed(text if float(text) == value else f"{value:.17g}")


def _pointed(text: str) -> str:
    return text if "." in text or "e" in text else f"{text}.0"


def _rounded(value: float) -> float:
    """The nearest number of 32 bits."""
    found: float = _unpack(_pack(value))[0]
    return found


def _text(number: float, *, single: bool, nan: bool) -> str:
    return decimal(number, single=single) if nan or math.isfinite(number) else NULL


def _may_be_short(values: NDArray[np.float64], *, single: bool) -> NDArray[np.bool_]:
    """Which numbers could be whole or have no more than six digits; a few more do no harm."""
    sizes = np.abs(values)
    # What rounding to the type may have moved, with some to spare; the tiniest are moved further.
    tiny, slack = (1e-36, 2.0**-23.5) if single else (1e-300, 1e-12)
    usual = np.isfinite(sizes) & (sizes > tiny) & (sizes < 1e5)
    sizes = np.where(usual, sizes, 1.0)
    # The first six digits before the point: how far is the rest from nothing?
    scaled = sizes * 10.0 ** (5 - np.floor(np.log10(sizes)))
    found: NDArray[np.bool_] = ~usual | (np.abs(scaled - np.rint(scaled)) < slack * scaled)
    return found
