"""Fourier transforms of real frames, by the fastest library there is: Intel's where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module, util
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sonant.errors import ModelError

INTEL: Final = "mkl_fft"
"""The library that is used where it is installed: with it a turn of Griffin-Lim takes half the time."""

Frames = NDArray[np.float32]
"""[frames, window]"""
Spectra = NDArray[np.complex64]
"""[frames, bins]"""


class Transforms(NamedTuple):
    """A library's two transforms; both leave what they are given."""

    name: str
    there: Callable[[Frames], Spectra]
    """Frames to spectra, in new memory."""
    back: Callable[[Spectra, Frames], Frames]
    """Spectra to frames, as long as those of the second array, which may be written to and returned."""


def fastest() -> Transforms:
    """Those of `mkl_fft` where it is installed, else those of SciPy and NumPy; they agree to rounding.

    Raises `ModelError` where `mkl_fft` is installed and cannot be loaded.
    """
    if util.find_spec(INTEL) is None:
        return Transforms("scipy", fft.rfft, _numpy_back)
    try:
        library = import_module(INTEL)
    except ImportError as error:
        raise ModelError(
            f"{INTEL} is installed and cannot be loaded ({error}); pip install mkl, or remove {INTEL}: "
            f"Griffin-Lim is as good without it"
        ) from error

    def back(spectra: Spectra, frames: Frames) -> Frames:
        found: Frames = library.irfft(spectra, n=frames.shape[1], out=frames)
        return found

    return Transforms(INTEL, library.rfft, back)


def _numpy_back(spectra: Spectra, frames: Frames) -> Frames:
    # Of the two NumPy's is the faster one here, and needs no new memory; there it is SciPy's, by far.
    np.fft.irfft(spectra, n=frames.shape[1], out=frames)  # type: ignore[arg-type]  # it keeps 32 bits
    return frames
