"""Interpolation of features to a fixed size, as an image is resized."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=64)
def interpolation(have: int, want: int) -> NDArray[np.float32]:
    """Weights [want, have] that resize one axis linearly, without smoothing.

    Pixels have their centres at halves; rows sum to 1 and have at most two entries. Two such
    products are the bilinear resizing of Keras and of torch's `interpolate` with `align_corners`
    off.
    """
    place = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0.0, have - 1.0)
    lower = np.minimum(place.astype(np.int64), max(have - 2, 0))
    share = place - lower
    weights = np.zeros((want, have), np.float32)
    rows = np.arange(want)
    weights[rows, lower] = 1.0 - share
    weights[rows, np.minimum(lower + 1, have - 1)] += share
    return weights
