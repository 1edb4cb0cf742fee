"""Long audio taken in windows that overlap, and their answers joined without a step in loudness."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window of something longer, in frames."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Frames."""
        return self.stop - self.start


def spans(length: int, *, window: int, overlap: int) -> list[Span]:
    """As few windows of at most `window` frames as cover `length`, alike in size, sharing `overlap`.

    Nothing is covered by one empty window. Raises `ValueError` where windows are no longer than the overlap.
    """
    if not 0 <= overlap < window:
        raise ValueError(f"windows of {window} frames that share {overlap}: want fewer shared")
    if length <= window:
        return [Span(start=0, stop=length)]
    count = math.ceil((length - overlap) / (window - overlap))
    # Even windows: a last one of a few frames would have next to nothing to go by.
    stride = (length - overlap) / count
    edges = [round(number * stride) for number in range(count)] + [length - overlap]
    return [Span(start=start, stop=stop + overlap) for start, stop in itertools.pairwise(edges)]


def joined(parts: Sequence[Floats], found: Sequence[Span]) -> Floats:
    """Lay the answers to windows over each other, [..., frames of the window] each -> [..., frames].

    Where two share frames one fades into the other, straight; for logarithms of levels.
    """
    whole = np.empty((*parts[0].shape[:-1], found[-1].stop), np.float32)
    done = 0
    for part, span in zip(parts, found, strict=True):
        shared = done - span.start
        rise = np.linspace(0.0, 1.0, shared + 2, dtype=np.float32)[1:-1]
        whole[..., span.start : done] *= 1 - rise
        whole[..., span.start : done] += part[..., :shared] * rise
        whole[..., done : span.stop] = part[..., shared:]
        done = span.stop
    return whole


def joined_sound(parts: Sequence[Floats], found: Sequence[Span]) -> Floats:
    """The same for samples, [samples of the window] each -> [samples], at even power.

    Two versions of one sound may agree or be in no step at all, and a straight fade makes the second kind
    dip; the gains are divided by what their likeness makes of them. Source: Fink, Holters and Zölzer,
    "Signal-matched power-complementary cross-fading and dry-wet mixing", DAFx-16 (2016).
    """
    whole = np.empty(found[-1].stop, np.float32)
    done = 0
    for part, span in zip(parts, found, strict=True):
        shared = done - span.start
        before, after = whole[span.start : done], part[:shared]
        rise = np.linspace(0.0, 1.0, shared + 2, dtype=np.float32)[1:-1]
        power = (1 - rise) ** 2 + rise**2 + 2 * rise * (1 - rise) * _likeness(before, after)
        whole[span.start : done] = (before * (1 - rise) + after * rise) / np.sqrt(power)
        whole[done : span.stop] = part[shared:]
        done = span.stop
    return whole


def _likeness(before: Floats, after: Floats) -> np.float32:
    """Correlation of two pieces, from 0 to 1; opposite ones are taken as unlike, since nothing mends them."""
    scale = float(np.sqrt(np.dot(before, before) * np.dot(after, after)))
    likeness = max(0.0, float(np.dot(before, after)) / scale) if scale else 1.0
    return np.float32(min(likeness, 1.0))
