"""Scores, truth and weights of trials as arrays that fit together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonant.errors import ManifestError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]


def scored(
    scores: ArrayLike, same: ArrayLike, *, weights: ArrayLike | None = None
) -> tuple[Floats, Bools, Floats]:
    """Scores [trials] as float64, truth [trials] as bool, weights [trials] (1 each unless given).

    Infinite scores are scores. Raises `ValueError` for nan, for shapes that differ, for truth that is not
    0 or 1 and for negative weights; `ManifestError` where trials of one kind are missing or weigh nothing.
    """
    values, truth = vector("scores", scores), np.asarray(same)
    if truth.shape != values.shape:
        raise ValueError(f"{values.shape} scores beside {truth.shape} of `same`; want one a trial")
    if truth.dtype != np.bool_ and not np.isin(truth, (0, 1)).all():
        raise ValueError("`same` holds more than 0 and 1, or False and True")
    weighing = np.ones(len(values)) if weights is None else vector("weights", weights)
    if weighing.shape != values.shape or not (np.isfinite(weighing) & (weighing >= 0)).all():
        raise ValueError("weights have to be one finite number of 0 or more a trial")
    truth = truth.astype(np.bool_)
    both_kinds(float(weighing[truth].sum()), float(weighing[~truth].sum()), len(values))
    return values, truth, weighing


def both_kinds(same: float, different: float, trials: int) -> None:
    """Raise `ManifestError` where pairs of one person, or pairs of two, are missing."""
    for weight, missing in ((same, "same speaker"), (different, "different speakers")):
        if weight <= 0:
            raise ManifestError(
                f"the {trials} trials have no pair of the {missing}: no rate follows from one kind alone; "
                "add clips of a second speaker, and a second clip of each, and make the trials anew"
            )


def vector(name: str, values: ArrayLike) -> Floats:
    """An array [trials] of float64 without nan; raises `ValueError`."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} have the shape {array.shape}, want one number a trial")
    if np.isnan(array).any():
        raise ValueError(
            f"{name}: {int(np.isnan(array).sum())} of {len(array)} are not numbers (nan)"
        )
    return array


def matrix(name: str, values: ArrayLike) -> Floats:
    """An array [rows, columns] of finite float64; raises `ValueError`."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} have the shape {array.shape}, want rows and columns")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} hold a value that is infinite or no number")
    return array


def probability(name: str, value: float) -> float:
    """A number between 0 and 1, without them; raises `ValueError`."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} is {value}, want a number above 0 and under 1")
    return value
