"""Operators that move, split and join axes: time must stay whole."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import torch

from sonant.tracing.builder import Site, dropped, widened
from sonant.tracing.operations import Size
from sonant.tracing.rules.elementwise import elementwise
from sonant.tracing.signals import Signal, groups

aten = torch.ops.aten

SPLIT = "it tears the frames of the clip apart", "keep time on an axis of its own"


def transpose(site: Site) -> Signal:
    """Two axes exchanged."""
    x = site.builder.settled(site.args["self"])
    a, b = (x.axis(int(site.args[name])) for name in ("dim0", "dim1"))
    order = list(range(len(x.shape)))
    order[a], order[b] = order[b], order[a]
    return _permuted(site, x, order)


def permute(site: Site) -> Signal:
    """All axes in another order."""
    x = site.builder.settled(site.args["self"])
    return _permuted(site, x, [x.axis(dim) for dim in site.args["dims"]])


def movedim(site: Site) -> Signal:
    """Some axes elsewhere."""
    x = site.builder.settled(site.args["self"])
    source, target = (_many(site.args[name]) for name in ("source", "destination"))
    moved = {x.axis(to): x.axis(start) for start, to in zip(source, target, strict=True)}
    rest = iter(axis for axis in range(len(x.shape)) if axis not in moved.values())
    order = [moved[axis] if axis in moved else next(rest) for axis in range(len(x.shape))]
    return _permuted(site, x, order)


def unsqueeze(site: Site) -> Signal:
    """One axis more."""
    x = site.builder.settled(site.args["self"])
    dim = x.axis(int(site.args["dim"]), extra=1)
    return site.builder.call(site.target, {**site.args, "self": x}, widened(x, site.shape, dim))


def squeeze(site: Site) -> Signal:
    """Axes of one element gone; never the batch, nor time unless it is a single frame."""
    x = site.builder.settled(site.args["self"])
    dims = _many(site.args.get("dim"), default=range(len(x.shape)))
    gone = [axis for axis in {x.axis(dim) for dim in dims} if x.shape[axis] == 1]
    gone = [axis for axis in gone if axis not in (x.batch, x.time)]
    for axis in sorted(gone, reverse=True):
        x = _squeezed(site, x, axis)
    return x


def _squeezed(site: Site, x: Signal, axis: int) -> Signal:
    shape = [size for at, size in enumerate(x.shape) if at != axis]
    # Dims are named, so that a batch of one is not squeezed too.
    call = {"self": x, "dim": axis}
    return site.builder.call(aten.squeeze.dim, call, dropped(x, shape, [axis]))


def reshape(site: Site) -> Signal:
    """Axes joined and split (view, reshape, flatten, unflatten); time stays an axis, or becomes part of
    the batch behind it. A flattening of all frames into one vector becomes a window of them."""
    x = site.builder.settled(site.args["self"])
    shape = list(site.shape)
    if x.folded and x.when.frames > 1:
        batch = x.batch or 0
        sizes = x.shape[batch] // x.when.frames, x.when.frames
        if len(shape) > batch + 1 and tuple(shape[batch : batch + 2]) == sizes:
            x = site.builder.unfolded(x)
    owners = groups(x.shape, shape)
    joined = _group(owners, x.time)
    if x.moving and joined == ([x.batch, x.time], [x.batch]):
        return _viewed(site, site.builder.fold(x, keep=False), shape)
    if x.moving and (joined is None or joined[0] != [x.time] or len(joined[1]) != 1):
        if joined is not None and len(shape) == 2 and x.batch == 0 and shape[0] == x.shape[0]:
            return _viewed(site, site.builder.recalled(site, x), shape)
        site.refuse(
            f"it mixes the frames with other axes ({list(x.shape)} becomes {shape})", SPLIT[1]
        )
    return _viewed(site, x, shape)


def expand(site: Site) -> Signal:
    """Axes of one element repeated."""
    x: Signal = site.args["self"]
    if x.still:
        return x
    x = site.builder.settled(x)
    shift = len(site.shape) - len(x.shape)
    output = x.as_shape(
        site.shape,
        batch=None if x.batch is None else x.batch + shift,
        time=None if x.time is None else x.time + shift,
    )
    sizes = [
        -1 if at in (output.batch, output.time) else size for at, size in enumerate(site.shape)
    ]
    return site.builder.call(aten.expand.default, {"self": x, "size": sizes}, output)


def cat(site: Site) -> Signal:
    """Channels behind one another; zeros before and behind in time are padding."""
    signals: list[Signal] = site.args["tensors"]
    timed = [signal for signal in signals if not signal.still]
    dim = timed[0].axis(int(site.args.get("dim", 0)))
    if dim == timed[0].time:
        return _padded_by_hand(site, signals, dim)
    site.untimed(timed[0], [dim], *SPLIT)
    if len(timed) < len(signals):
        site.refuse("it puts a constant beside the frames", "add the constant instead")
    return elementwise(site)


def stack(site: Site) -> Signal:
    """Signals along a new axis."""
    signals: list[Signal] = site.args["tensors"]
    if any(signal.still for signal in signals):
        site.refuse("it puts a constant beside the frames", "add the constant instead")
    signals = site.builder.balanced(signals)
    dim = signals[0].axis(int(site.args.get("dim", 0)), extra=1)
    output = widened(signals[0], site.shape, dim)
    return site.builder.call(site.target, {**site.args, "tensors": signals}, output)


def split(site: Site) -> list[Signal]:
    """Channels in parts (chunk, split, unbind)."""
    x = site.builder.settled(site.args["self"])
    dim = x.axis(int(site.args.get("dim", 0)))
    site.untimed(x, [dim], *SPLIT)
    whole = site.builder.call(site.target, {**site.args, "self": x}, x)
    gone = len(site.shapes[0]) < len(x.shape)
    return [
        picked(site, whole, number, dropped(x, shape, [dim] if gone else []))
        for number, shape in enumerate(site.shapes)
    ]


def picked(site: Site, several: Signal, number: int, output: Signal) -> Signal:
    """One of the tensors that stand in one slot together."""
    return site.builder.call(operator.getitem, {"0": several, "1": number}, output)


def select(site: Site) -> Signal:
    """One element of an axis; of time only the last frame."""
    x = site.builder.settled(site.args["self"])
    dim, index = x.axis(int(site.args["dim"])), int(site.args["index"])
    if dim != x.time:
        site.untimed(x, [dim], *SPLIT)
        return site.builder.call(
            site.target, {**site.args, "self": x}, dropped(x, site.shape, [dim])
        )
    frames = x.when.frames
    if index % frames != frames - 1:
        site.refuse(
            f"it reads frame {index} of the clip alone, and a stream has no frame {index}",
            "read the last frame, x[..., -1]",
        )
    if not site.builder.clip_known:
        site.refuse("it reads the last frame of a clip of unknown length", "give frames=")
    last = site.builder.shifted(x, x.when.padded(1 - frames, 0))
    return _squeezed(site, last, dim)


def cut(site: Site) -> Signal:
    """A slice; frames cut off before or behind shift the count of frames and cost nothing."""
    x: Signal = site.args["self"]
    dim, step = x.axis(int(site.args.get("dim") or 0)), int(site.args.get("step") or 1)
    start, stop, _ = slice(site.args.get("start"), site.args.get("end"), step).indices(x.shape[dim])
    if dim == x.batch:
        if (start, stop, step) == (0, x.shape[dim], 1):
            return x
        site.untimed(x, [dim], *SPLIT)
    if dim != x.time:
        x = site.builder.settled(x)
        return site.builder.call(
            aten.slice.Tensor, {**site.args, "self": x}, x.as_shape(site.shape)
        )
    frames = x.when.frames
    if start > 0 and stop == frames and stop - start == 1 and not site.builder.clip_known:
        site.refuse("it reads the last frame of a clip of unknown length", "give frames=")
    if start or stop < frames:
        x = site.builder.shifted(x, x.when.padded(-start, stop - frames))
    if step > 1 and x.moving:
        args = {"self": x, "dim": dim, "start": None, "end": None, "step": step}
        shape = site.shape
        return site.builder.windowed(x, aten.slice.Tensor, args, shape, span=1, stride=step)
    return x


def narrow(site: Site) -> Signal:
    """A slice by its start and length."""
    start, length = int(site.args["start"]), int(site.args["length"])
    start %= site.args["self"].shape[site.args["self"].axis(int(site.args["dim"]))]
    changed = {"self": site.args["self"], "dim": site.args["dim"], "step": 1}
    changed |= {"start": start, "end": start + length}
    return cut(replace(site, args=changed))


def index_select(site: Site) -> Signal:
    """Some elements of an axis that is not time."""
    x = site.builder.settled(site.args["self"])
    site.untimed(x, [int(site.args["dim"])], *SPLIT)
    return site.builder.call(site.target, {**site.args, "self": x}, x.as_shape(site.shape))


def repeat(site: Site) -> Signal:
    """Axes repeated, time and batch but once."""
    x = site.builder.settled(site.args["self"])
    extra = len(site.shape) - len(x.shape)
    for axis in (x.batch, x.time):
        if axis is not None and site.args["repeats"][axis + extra] != 1:
            site.refuse("it repeats frames or rows of the batch", "repeat channels only")
    output = x.as_shape(
        site.shape,
        batch=None if x.batch is None else x.batch + extra,
        time=None if x.time is None else x.time + extra,
    )
    return site.builder.call(site.target, {**site.args, "self": x}, output)


def turned(site: Site) -> Signal:
    """Elements of an axis in another order (flip, roll); never those of time."""
    x = site.builder.settled(site.args["self"])
    why = f"it changes the order of the frames ({site.name}), so that late ones come first"
    site.untimed(x, _many(site.args["dims"]), why, "leave time as it runs")
    return site.builder.call(site.target, {**site.args, "self": x}, x)


def getitem(site: Site) -> Any:
    """One of several; what a rule could not give says so when it is asked for."""
    value = site.args["0"][site.args["1"]]
    if isinstance(value, str):
        site.refuse(value, "use the outputs instead")
    return value


def _permuted(site: Site, x: Signal, order: list[int]) -> Signal:
    output = x.as_shape(
        site.shape,
        batch=None if x.batch is None else order.index(x.batch),
        time=None if x.time is None else order.index(x.time),
    )
    return site.builder.call(site.target, {**site.args, "self": x}, output)


def _viewed(site: Site, x: Signal, shape: list[int]) -> Signal:
    owners = groups(x.shape, shape)
    batch, time = (_new_place(site, x, owners, axis) for axis in (x.batch, x.time))
    sizes: list[Any] = list(shape)
    for new, old in ((batch, x.batch), (time, x.time)):
        if new is not None and old is not None:
            sizes[new] = Size(old)
    output = x.as_shape(shape, batch=batch, time=time)
    args = {"self": x, "shape": sizes}
    return site.builder.call(aten.reshape.default, args, output, first=x)


def _new_place(site: Site, x: Signal, owners: Any, axis: int | None) -> int | None:
    if axis is None:
        return None
    group = _group(owners, axis)
    if group is None or group[0] != [axis] or len(group[1]) != 1:
        site.refuse("it mixes the batch with other axes", "keep the batch on an axis of its own")
    place: int = group[1][0]
    return place


def _group(owners: Any, axis: int | None) -> Any:
    return next((group for group in owners if axis in group[0]), None)


def _padded_by_hand(site: Site, signals: list[Signal], dim: int) -> Signal:
    timed = [number for number, signal in enumerate(signals) if not signal.still]
    still = [signal for signal in signals if signal.still]
    if len(timed) > 1 or not all(signal.zero for signal in still):
        site.refuse(
            "it puts signals one behind the other in time", "pad with zeros only, or join channels"
        )
    at = timed[0]
    left, right = (
        sum(signal.shape[dim] for signal in part) for part in (signals[:at], signals[at + 1 :])
    )
    return site.builder.padded(signals[at], left, right)


def _many(value: Any, default: Any = ()) -> list[int]:
    if value is None:
        return list(default)
    return list(value) if isinstance(value, list | tuple) else [int(value)]
