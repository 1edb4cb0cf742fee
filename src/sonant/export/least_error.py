"""Where an 8-bit range had better end: what is cut off weighed against how fine the rest becomes.

Of values with long tails, a range from the least to the greatest spends most of its steps on very few.
Source: the mean square error as in Banner et al., "Post training 4-bit quantization of convolutional
networks for rapid-deployment" (2019), section 2, here of counted values and of both ends.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PARTS: Final = 2048
"""Equal parts of the widest range in which values are counted."""
TRIED: Final = 64
"""Places at which either end is tried, evenly from zero to the widest."""
STEPS: Final = 255
"""Of an 8-bit range."""


def narrowed(widest: tuple[float, float], counts: NDArray[np.float64]) -> tuple[float, float]:
    """The range around zero in which 8 bits lose least of the values counted, [parts] of `widest`.

    Zeros are exact in any range, and need not be counted. The widest range, where nothing was.
    """
    low, high = widest
    if not counts.any() or not low < high:
        return widest
    middles = low + (np.arange(len(counts)) + 0.5) * (high - low) / len(counts)
    shares = np.arange(TRIED, 0, -1) / TRIED
    lows, highs = low * shares, high * shares
    below, above = (
        np.array([counts @ np.square(np.clip(sign * (end - middles), 0, None)) for end in ends])
        for sign, ends in ((1, lows), (-1, highs))
    )
    # A value lies anywhere within its step, and is off by a twelfth of the square of it.
    within = counts.sum() * np.square((highs - lows[:, None]) / STEPS) / 12
    place = np.argmin(below[:, None] + above + within)
    least, most = np.unravel_index(place, within.shape)
    return float(lows[least]), float(highs[most])
