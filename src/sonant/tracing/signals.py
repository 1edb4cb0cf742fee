"""A signal inside a network: which of its axes is time, and what a change of shape makes of it.

A value of the module's graph is one of three things:

    moving     it has an axis of time, which grows and shrinks with what is heard
    folded     its frames stand in the batch, [batch * frames, ...]: one answer for each frame, as behind
               a pooling over the clip, or where the module itself folds time into the batch
    still      it has no time: a weight, a constant
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sonant.tracing.timing import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One value of the module's graph."""

    shape: tuple[int, ...]
    """As the module has it for the example."""
    batch: int | None = None
    """The axis of the batch; with frames in it where `time` is None."""
    time: int | None = None
    """The axis of time."""
    line: Timeline | None = None
    """Its place in time; None: it stands still."""
    zero: bool = False
    """Whether it is a constant of zeros."""
    slot: int = -1
    """Where it is kept while the network runs."""

    @property
    def still(self) -> bool:
        """Whether it has no time."""
        return self.line is None

    @property
    def moving(self) -> bool:
        """Whether it has an axis of time."""
        return self.time is not None

    @property
    def folded(self) -> bool:
        """Whether its frames stand in the batch."""
        return self.line is not None and self.time is None

    @property
    def when(self) -> Timeline:
        """Its place in time, for one that has any."""
        assert self.line is not None
        return self.line

    @property
    def axes(self) -> tuple[int, int]:
        """Batch and time of a moving signal."""
        assert self.batch is not None
        assert self.time is not None
        return self.batch, self.time

    def axis(self, dim: int, *, extra: int = 0) -> int:
        """An axis counted from the front; `extra` for one that is yet to be put in."""
        return dim % (len(self.shape) + extra) if len(self.shape) + extra else 0

    def as_shape(self, shape: Sequence[int], **changes: object) -> Signal:
        """The same time in another shape."""
        return replace(self, shape=tuple(shape), **changes)  # type: ignore[arg-type]


def removed(axis: int | None, dims: Sequence[int]) -> int | None:
    """Where an axis is once `dims` are gone."""
    return None if axis is None else axis - sum(dim < axis for dim in dims)


def inserted(axis: int | None, dim: int) -> int | None:
    """Where an axis is once one was put in before `dim`."""
    return None if axis is None else axis + (dim <= axis)


def groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Which axes of the old shape become which of the new: the finest groups of equal size.

    Axes of one element belong to no group.
    """
    before = [axis for axis, size in enumerate(old) if size != 1]
    after = [axis for axis, size in enumerate(new) if size != 1]
    found: list[tuple[list[int], list[int]]] = []
    while before and after:
        left, right = [before.pop(0)], [after.pop(0)]
        while (a := math.prod(old[i] for i in left)) != (b := math.prod(new[i] for i in right)):
            if a < b:
                left.append(before.pop(0))
            else:
                right.append(after.pop(0))
        found.append((left, right))
    return found
