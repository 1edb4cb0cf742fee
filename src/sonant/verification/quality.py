"""What tells, beside the score, how far a trial can be trusted: the worse side of each measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonant.verification.checks import Floats

LEAST_SPEECH_S: Final = 0.1
"""Seconds of speech that less of it counts as; the logarithm of none is infinite."""
SNR_DB: Final = (-20.0, 60.0)
"""Outside of these a ratio of speech to noise in decibels says no more; that of a silent file is infinite."""


def _seconds(values: Floats) -> Floats:
    return np.log(np.maximum(values, LEAST_SPEECH_S))


def _decibels(values: Floats) -> Floats:
    return np.clip(values, *SNR_DB)


def _as_it_is(values: Floats) -> Floats:
    return values


MEASURES: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "speech_s": _seconds,
    "snr_db": _decibels,
    "norm": _as_it_is,
}
"""Name of a measure, and what a calibration sees of it: seconds of speech as their logarithm, decibels of
speech over noise, and the length of the embedding before it is made 1."""


def of_pairs(left: Mapping[str, ArrayLike], right: Mapping[str, ArrayLike]) -> dict[str, Floats]:
    """Columns for `Calibration`: of each measure the lesser of both sides, [trials] or single numbers.

    The lesser side limits a trial. Raises `ValueError` for a name not in `MEASURES`, sides with different
    names and values that are no numbers. Source: Thienpondt, Desplanques and Demuynck, "The IDLab VoxSRC-20
    submission", arXiv:2010.11255, on quality-aware score calibration, which puts durations and magnitudes
    of embeddings into the regression. The lesser of both sides stays when they change places.
    """
    if left.keys() != right.keys() or not left.keys() <= MEASURES.keys():
        raise ValueError(
            f"quality is given as {', '.join(left) or 'nothing'} on the left and "
            f"{', '.join(right) or 'nothing'} on the right; want the same of {', '.join(MEASURES)}"
        )
    found = {}
    for name in left:
        lesser = np.minimum(np.asarray(left[name], np.float64), np.asarray(right[name], np.float64))
        if np.isnan(lesser).any():
            raise ValueError(f"quality: {name} holds a value that is no number (nan)")
        found[name] = MEASURES[name](lesser)
    return found
