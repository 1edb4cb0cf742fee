"""Tensors whose axes lie in memory in another order than torch counts them.

TensorFlow's convolutions want channels last, torch's want them second. A `Laid` tensor notes which axis
lies where; permuting costs nothing then, and data moves only where an operator insists on an order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

Axes: TypeAlias = tuple[int | None, ...]
"""Which of torch's axes lies at each place in memory; None: an axis of one that torch does not know."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A tensor and where its axes lie."""

    tensor: Any
    """Of TensorFlow; a constant is an array of numpy."""
    axes: Axes
    """As in `Axes`."""

    @property
    def rank(self) -> int:
        """Axes that torch counts."""
        return sum(axis is not None for axis in self.axes)

    def place(self, axis: int) -> int:
        """Where in memory one of torch's axes lies; negative ones count from the end."""
        return self.axes.index(axis % self.rank)

    def size(self, axis: int) -> Any:
        """Length of one of torch's axes: an int where it is known, else a scalar tensor."""
        place = self.place(axis)
        known = self.tensor.shape[place]
        return tf.shape(self.tensor)[place] if known is None else int(known)

    def like(self, tensor: Any) -> Laid:
        """Another tensor that lies as this one."""
        return Laid(tensor, self.axes)

    @property
    def logical(self) -> Any:
        """The tensor as torch would see it."""
        return moved(self, tuple(range(self.rank)))


def plain(tensor: Any) -> Laid:
    """A tensor that lies as torch would have it."""
    return Laid(tensor, tuple(range(len(tensor.shape))))


def moved(value: Laid, axes: Axes) -> Any:
    """The tensor with its axes at other places; an axis of one moves for nothing."""
    if value.axes == axes:
        return value.tensor
    sizes = {axis: value.size(axis) for axis in range(value.rank)}
    long = {axis for axis, size in sizes.items() if not (isinstance(size, int) and size == 1)}
    now = [axis for axis in value.axes if axis in long]
    wanted = [axis for axis in axes if axis in long]
    tensor = value.tensor
    if now != wanted:
        tensor = reshaped(tensor, [sizes[axis] for axis in now])
        order = [now.index(axis) for axis in wanted]
        constant = isinstance(tensor, np.ndarray)
        tensor = np.transpose(tensor, order) if constant else tf.transpose(tensor, order)
    return reshaped(tensor, [1 if axis is None else sizes[axis] for axis in axes])


def reshaped(tensor: Any, sizes: Sequence[Any]) -> Any:
    """The tensor in another shape; sizes are ints or scalar tensors."""
    if isinstance(tensor, np.ndarray):
        return tensor.reshape(sizes)
    free = [place for place, size in enumerate(sizes) if not isinstance(size, int)]
    if not free and list(tensor.shape) == list(sizes):
        return tensor
    if len(free) <= 1 and all(size for place, size in enumerate(sizes) if place not in free):
        return tf.reshape(
            tensor, [-1 if place in free else size for place, size in enumerate(sizes)]
        )
    return tf.reshape(tensor, tf.stack([tf.cast(size, tf.int32) for size in sizes]))


def aligned(value: Laid, *, axes: Axes, rank: int) -> Any:
    """The tensor so that it broadcasts against one of `rank` axes that lie as `axes`."""
    missing = rank - value.rank
    return moved(
        value, tuple(None if axis is None or axis < missing else axis - missing for axis in axes)
    )


def lead(values: Sequence[Any]) -> Laid:
    """The one among the arguments whose layout the others are brought to."""
    laid = [value for value in values if isinstance(value, Laid)]
    rank = max(value.rank for value in laid)
    full = [value for value in laid if value.rank == rank]
    return next((value for value in full if not isinstance(value.tensor, np.ndarray)), full[0])


def elementwise(function: Callable[..., Any], *values: Any, dtype: Any = None) -> Laid:
    """`function` of tensors and numbers that broadcast, all cast to `dtype`."""
    first = lead(values)
    dtype = first.tensor.dtype if dtype is None else dtype
    sized = [
        tf.cast(
            aligned(value, axes=first.axes, rank=first.rank) if isinstance(value, Laid) else value,
            dtype,
        )
        for value in values
    ]
    return first.like(function(*sized))


def relabelled(value: Laid, old: Sequence[Any], new: Sequence[Any]) -> Laid | None:
    """A view that adds or drops axes of one and no more, where nothing moves; None for any other."""
    kept = [axis for axis, size in enumerate(old) if str(size) != "1"]
    named = [axis for axis, size in enumerate(new) if str(size) != "1"]
    if [str(old[axis]) for axis in kept] != [str(new[axis]) for axis in named]:
        return None
    names = dict(zip(kept, named, strict=True))
    axes: list[int | None] = [None if axis is None else names.get(axis) for axis in value.axes]
    tensor = value.tensor
    for axis in range(len(new)):
        if axis in named:
            continue
        if None in axes:
            axes[axes.index(None)] = axis
        else:
            tensor = (
                tensor[..., None] if isinstance(tensor, np.ndarray) else tf.expand_dims(tensor, -1)
            )
            axes.append(axis)
    return Laid(tensor, tuple(axes))
