"""Core operators that cut, join and turn tensors, in TensorFlow; most of them move nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from torch import fx

from sonant.export.aten_arithmetic import without
from sonant.export.translate_layout import Laid, aligned, lead, moved, plain, relabelled, reshaped

ENDLESS = 2**31
"""Ends of slices from here on mean: to the end."""


def view(node: fx.Node, x: Laid, wanted: Any = None, **_: Any) -> Laid:
    """Any other shape of the same values; adding or dropping axes of one moves nothing."""
    source = node.args[0]
    assert isinstance(source, fx.Node)
    shape = node.meta["val"].shape
    free = relabelled(x, source.meta["val"].shape, shape)
    if free is not None:
        return free
    # Sizes that torch leaves free were asked for by a node of the graph, whose value is in `wanted`.
    sizes = [size if isinstance(size, int) else wanted[axis] for axis, size in enumerate(shape)]
    return plain(reshaped(x.logical, sizes))


def permute(_: fx.Node, x: Laid, order: Sequence[int]) -> Laid:
    """A change of names."""
    now = {axis % x.rank: new for new, axis in enumerate(order)}
    return Laid(x.tensor, tuple(None if axis is None else now[axis] for axis in x.axes))


def transpose(node: fx.Node, x: Laid, first: int, second: int) -> Laid:
    """Two axes change names."""
    order = list(range(x.rank))
    order[first], order[second] = order[second], order[first]
    return permute(node, x, order)


def turned(node: fx.Node, x: Laid) -> Laid:
    """A matrix, its axes the other way round."""
    return x if x.rank < 2 else transpose(node, x, 0, 1)


def expand(node: fx.Node, x: Laid, sizes: Sequence[Any], **_: Any) -> Laid:
    """Repeated along axes of one, with new axes in front."""
    rank = len(sizes)
    axes = (*range(rank - x.rank), *(None if a is None else a + rank - x.rank for a in x.axes))
    tensor = reshaped(
        x.tensor, [1] * (rank - x.rank) + [_size(x.tensor, at) for at in range(len(x.axes))]
    )
    wanted = [1 if axis is None else sizes[axis] for axis in axes]
    wanted = [_size(tensor, at) if _kept(size) else size for at, size in enumerate(wanted)]
    if all(isinstance(size, int) for size in wanted) and list(tensor.shape) == wanted:
        return Laid(tensor, axes)
    return Laid(tf.broadcast_to(tensor, wanted), axes)


def _kept(size: Any) -> bool:
    return isinstance(size, int) and size == -1


def _size(tensor: Any, place: int) -> Any:
    known = tensor.shape[place]
    return tf.shape(tensor)[place] if known is None else int(known)


def repeat(_: fx.Node, x: Laid, times: Sequence[int]) -> Laid:
    """Copies side by side along each axis."""
    rank = len(times)
    axes = (*range(rank - x.rank), *(None if a is None else a + rank - x.rank for a in x.axes))
    tensor = reshaped(
        x.tensor, [1] * (rank - x.rank) + [_size(x.tensor, at) for at in range(len(x.axes))]
    )
    return Laid(tf.tile(tensor, [1 if axis is None else times[axis] for axis in axes]), axes)


def cut(
    _: fx.Node, x: Laid, axis: int = 0, start: int | None = None, end: Any = None, step: int = 1
) -> Laid:
    """A part of one axis."""
    end = None if isinstance(end, int) and end >= ENDLESS else end
    if not start and end is None and step == 1:
        return x
    if isinstance(end, int) and isinstance(size := x.size(axis), int) and end >= size:
        end = None
        if not start and step == 1:
            return x
    index = [slice(None)] * len(x.axes)
    index[x.place(axis)] = slice(start, end, step)
    return x.like(x.tensor[tuple(index)])


def select(node: fx.Node, x: Laid, axis: int, at: int) -> Laid:
    """One place of an axis, which is dropped."""
    end = None if at == -1 else at + 1
    return without(cut(node, x, axis, at, end), {axis % x.rank})


def split(_: fx.Node, x: Laid, sizes: int | Sequence[int], axis: int = 0) -> list[Laid]:
    """Pieces of one axis, of one size or of several."""
    if isinstance(sizes, int):
        length = int(x.size(axis))
        whole, rest = divmod(length, sizes)
        sizes = [sizes] * whole + ([rest] if rest else [])
    return [x.like(part) for part in tf.split(x.tensor, list(sizes), axis=x.place(axis))]


def cat(_: fx.Node, parts: Sequence[Laid], axis: int = 0) -> Laid:
    """One after the other; what is empty is left out."""
    parts = [part for part in parts if 0 not in tuple(part.tensor.shape)] or list(parts)[:1]
    first = lead(parts)
    if len(parts) == 1:
        return first
    return first.like(tf.concat([moved(part, first.axes) for part in parts], first.place(axis)))


def pad(_: fx.Node, x: Laid, widths: Sequence[int], value: float = 0.0) -> Laid:
    """A constant around the last axes; a negative width cuts."""
    places = [[0, 0] for _ in x.axes]
    for number in range(len(widths) // 2):
        before, after = widths[2 * number], widths[2 * number + 1]
        axis = x.rank - 1 - number
        places[x.place(axis)] = [max(0, before), max(0, after)]
        if before < 0 or after < 0:
            x = cut(_, x, axis, max(0, -before), min(0, after) or None)
    if not any(map(any, places)):
        return x
    return x.like(tf.pad(x.tensor, places, constant_values=tf.cast(value, x.tensor.dtype)))


def flip(_: fx.Node, x: Laid, axes: Sequence[int]) -> Laid:
    """Backwards along some axes."""
    return x.like(tf.reverse(x.tensor, [x.place(axis) for axis in axes]))


def pick(_: fx.Node, x: Laid, axis: int, numbers: Laid) -> Laid:
    """Some places of one axis, by number."""
    return x.like(tf.gather(x.tensor, numbers.tensor, axis=x.place(axis)))


def index(_: fx.Node, x: Laid, numbers: Sequence[Laid | None]) -> Laid:
    """Places of one axis, by a list or a table of numbers."""
    ((axis, chosen),) = [(at, one) for at, one in enumerate(numbers) if one is not None]
    return plain(tf.gather(x.logical, chosen.logical, axis=axis))


def embedding(_: fx.Node, table: Laid, numbers: Laid, *__: Any) -> Laid:
    """Rows of a table."""
    return plain(tf.gather(table.logical, numbers.logical, axis=0))


def put(
    _: fx.Node,
    x: Laid,
    part: Laid,
    axis: int = 0,
    start: int | None = None,
    end: Any = None,
    step: int = 1,
) -> Laid:
    """A part of one axis, replaced."""
    if step != 1:
        raise NotImplementedError("slice_scatter with a step")
    length = x.size(axis)
    start = (start or 0) % length
    end = length if end is None or end >= length else end % length
    middle = aligned(part, axes=x.axes, rank=x.rank)
    pieces = [cut(_, x, axis, 0, start).tensor, middle, cut(_, x, axis, end, None).tensor]
    kept = [piece for piece in pieces if piece.shape[x.place(axis)] != 0]
    if end == length:
        kept = kept[:-1] if len(kept) > 1 and kept[-1] is not middle else kept
    if start == 0:
        kept = kept[1:] if kept[0] is not middle else kept
    return x.like(tf.concat(kept, x.place(axis)))


def same(_: fx.Node, x: Any, *__: Any, **___: Any) -> Any:
    """Nothing happens."""
    return x


def size(_: fx.Node, x: Laid, axis: int) -> Any:
    """How long an axis is."""
    return x.size(axis)


def item(_: fx.Node, values: Sequence[Any], at: int) -> Any:
    """One of several results."""
    return values[at]


def counted(node: fx.Node, *limits: Any, **_: Any) -> Laid:
    """Numbers in a row."""
    from sonant.export.aten_arithmetic import dtype_of

    numbers = tf.range(*limits)
    return plain(tf.cast(numbers, dtype_of(node)))


def constant(value: Any) -> Laid:
    """A weight."""
    return plain(np.ascontiguousarray(value.numpy()))
