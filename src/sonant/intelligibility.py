"""How well a changed sound can be understood, by libraries that are asked only where they are installed."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any, Final

from sonant.audio import Samples

PESQ_HZ: Final = 16_000
"""The rate of wideband PESQ."""


def stoi(clean: Samples, changed: Samples, *, rate_hz: int) -> float | None:
    """Short-time objective intelligibility of [samples], 0 to 1; None without pystoi or enough speech.

    Source: Taal et al., "An algorithm for intelligibility prediction of time-frequency weighted noisy
    speech", IEEE TASLP 19 (2011).
    """
    library = _optional("pystoi")
    if library is None:
        return None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = library.stoi(clean, changed, rate_hz)
    # Where fewer than 30 frames are no pauses it warns, and its number means nothing.
    return None if told else float(found)


def pesq(clean: Samples, changed: Samples, *, rate_hz: int) -> float | None:
    """Perceived quality of [samples], 1 to 4.6, by ITU-T P.862.2.

    None without the library, at another rate than 16 kHz, or where it hears no speech.
    """
    library = _optional("pesq")
    if library is None or rate_hz != PESQ_HZ:
        return None
    kept = library.PesqError.RETURN_VALUES
    found = library.pesq(PESQ_HZ, clean, changed, "wb", on_error=kept)
    return float(found) if found > 0 else None


def _optional(name: str) -> Any:
    """A library that a figure needs and nothing else does; None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None
