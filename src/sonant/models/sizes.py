"""What is left of an image behind windows without padding, and a clear refusal when nothing is.

Pairs are (time, frequency) throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sonant.errors import ModelError

Pair: TypeAlias = tuple[int, int]
"""(time, frequency)."""

AXES: Final = ("time", "frequency")
GIVE_MORE: Final = (
    "give more frames (a shorter hop in the front end, front_end.hop_length; a longer clip)",
    "give more bins in the front end (front_end.mels, front_end.coefficients)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A convolution or pooling that only looks where it fits whole."""

    kind: str
    """What the layer is, for the message."""
    kernel: Pair
    """Values it looks at."""
    dilation: Pair = (1, 1)
    """Distance between two of them."""
    stride: Pair = (1, 1)
    """Distance between two places of the window."""
    pad_bins: int = 0
    """Zeros on either side of the frequency axis."""
    mend: str = ""
    """Settings of this layer that make it look at less."""


def sizes(windows: Sequence[Window], *, bins: int, frames: int) -> list[Pair]:
    """The (time, frequency) size behind each window, for an image of `frames` x `bins`.

    Raises `ModelError` naming the first layer that would have nothing left, the axis, the size that
    the arithmetic gives, and what to change.
    """
    found: list[Pair] = []
    size = (frames, bins)
    for number, window in enumerate(windows, start=1):
        where = f"layer {number} of {len(windows)}"
        size = (_after(size[0], window, 0, where), _after(size[1], window, 1, where))
        found.append(size)
    return found


def _after(size: int, window: Window, axis: int, where: str) -> int:
    kernel, dilation, stride = window.kernel[axis], window.dilation[axis], window.stride[axis]
    size += 2 * window.pad_bins * axis
    span = dilation * (kernel - 1) + 1
    left = (size - span) // stride + 1
    if left >= 1:
        return left
    mends = " or ".join(part for part in (window.mend, GIVE_MORE[axis]) if part)
    shape = f"kernel {kernel}, dilation {dilation}, stride {stride} in {AXES[axis]}"
    raise ModelError(
        f"{where} ({window.kind}, {shape}): its {AXES[axis]} axis would have size {left}, for the "
        f"window spans {span} and the layer gets {size}; {mends}"
    )
