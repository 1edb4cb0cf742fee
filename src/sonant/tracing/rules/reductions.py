"""Operators along an axis: sums, means, norms, softmax, dense layers.

Along channels or bins they treat every frame by itself. Along time a sum, mean, maximum or spread becomes
that of a window of as many frames as the clip has; everything else is refused.
"""

from __future__ import annotations

from typing import Any

import torch

from sonant.tracing.builder import Site
from sonant.tracing.operations import Size
from sonant.tracing.rules.shapes import picked
from sonant.tracing.signals import Signal, removed

aten = torch.ops.aten

WHOLE = "it normalises by all frames of the clip, the future included"
SLIDING = {"mean": "mean", "sum": "sum", "amax": "amax"}


def reduction(site: Site) -> Any:
    """Over axes that are given; over all of them none is left for a stream."""
    x = site.builder.settled(site.args["self"])
    dims = site.args.get("dim")
    dims = [dims] if isinstance(dims, int) else list(dims or ())
    if not dims:
        site.refuse("it reduces everything to one number, the batch included", "name the axes")
    axes = sorted(x.axis(dim) for dim in dims)
    if x.batch in axes:
        site.untimed(x, [x.batch or 0], "", "")
    keep = bool(site.args.get("keepdim", False))
    if x.time in axes:
        return _over_time(site, x, axes, keep)
    pair = isinstance(site.node.meta["val"], tuple | list)
    shape = site.shapes[0] if pair else site.shape
    output = _reduced(x, axes, keep, shape)
    y = site.builder.call(site.target, {**site.args, "self": x}, output)
    return [picked(site, y, number, output) for number in (0, 1)] if pair else y


def _over_time(site: Site, x: Signal, axes: list[int], keep: bool) -> Any:
    pair = isinstance(site.node.meta["val"], tuple | list)
    shape = site.shapes[0] if pair else site.shape
    name = {"max": "amax"}.get(site.name, site.name)
    others = [axis for axis in axes if axis != x.time]
    if name not in SLIDING:
        y = site.builder.recalled(site, x)
        output = _reduced(y, axes, keep, shape)
        y = site.builder.call(site.target, {**site.args, "self": y}, output)
        return [picked(site, y, number, output) for number in (0, 1)] if pair else y
    operator = getattr(aten, name).default if name == "amax" else getattr(aten, name).dim_IntList \
        if name == "sum" else aten.mean.dim  # fmt: skip
    if others:
        sizes = [1 if axis in others else size for axis, size in enumerate(x.shape)]
        x = site.builder.call(
            operator, {"self": x, "dim": others, "keepdim": True}, x.as_shape(sizes)
        )
    y = site.builder.recalled(site, x, reduce=SLIDING[name])
    if not keep:
        kept = [size for axis, size in enumerate(y.shape) if axis not in axes]
        output = y.as_shape(kept, batch=removed(y.batch, axes))
        y = site.builder.call(aten.squeeze.dims, {"self": y, "dim": axes}, output)
    place = "its frame number is not known in a stream"
    return [y, place] if pair else y


def _reduced(x: Signal, axes: list[int], keep: bool, shape: Any) -> Signal:
    gone = [] if keep else axes
    return x.as_shape(shape, batch=removed(x.batch, gone), time=removed(x.time, gone))


def adaptive(site: Site) -> Signal:
    """Pooling to a given size: of bins as it is; of time to all its frames or to one."""
    x = site.builder.settled(site.args["self"])
    sizes = list(site.shape[2:])
    if x.folded:
        return site.builder.call(site.target, site.args, x.as_shape(site.shape))
    if x.batch != 0 or x.axes[1] < 2:
        site.refuse("it takes time for channels", "put channels on axis 1 and time behind them")
    at = x.axes[1]
    wanted = sizes[at - 2]
    if wanted not in (1, x.when.frames):
        site.refuse(
            f"it pools all {x.when.frames} frames of the clip into {wanted}",
            "pool with a fixed kernel and stride, or to a single frame",
        )
    if any(size != x.shape[axis] for axis, size in enumerate(sizes, 2) if axis != at):
        output: list[Any] = list(sizes)
        output[at - 2] = Size(at)
        shape = list(site.shape)
        shape[at] = x.when.frames
        args = {**site.args, "self": x, "output_size": output}
        x = site.builder.call(site.target, args, x.as_shape(shape), first=x)
    if wanted == x.when.frames:
        return x
    return site.builder.recalled(site, x, reduce="amax" if "max" in site.name else "mean")


def along(site: Site) -> Signal:
    """Softmax and its kin: from an axis to the same axis."""
    x = site.builder.settled(site.args["self"])
    site.untimed(
        x,
        [int(site.args["dim"])],
        "its softmax runs over all frames of the clip, as attention over a whole sequence does"
        if "softmax" in site.name
        else f"{site.name} runs along the frames",
        "attend over a window of the past: sonant.nn.windows.WindowAttention",
    )
    return site.builder.call(site.target, {**site.args, "self": x}, x.as_shape(site.shape))


def linear(site: Site) -> Signal:
    """A dense layer on the last axis, which must not be time."""
    x = site.builder.settled(site.args["input"])
    if not site.args["weight"].still:
        site.refuse("its weights are computed from the input", "use fixed weights")
    site.untimed(
        x,
        [-1],
        "its dense layer runs over the frames of the clip, each with a weight of its own",
        "transpose, so that channels stand last; or flatten a clip to one vector before it",
    )
    return site.builder.call(site.target, {**site.args, "input": x}, x.as_shape(site.shape))


def product(site: Site) -> Signal:
    """A matrix product with a constant; of two signals only what stays within a frame."""
    second = "other" if "other" in site.args else "mat2"
    a: Signal = site.args["self"]
    b: Signal = site.args[second]
    why = (
        "it multiplies frames with frames, as attention over a whole sequence does"
        if not (a.still or b.still)
        else "it sums over the frames of the clip, each with a weight of its own"
    )
    instead = "attend over a window of the past: sonant.nn.windows.WindowAttention"
    for signal, inner in ((a, -1), (b, -2 if len(b.shape) > 1 else -1)):
        if not signal.still:
            site.untimed(signal, [inner], why, instead)
    timed = [signal for signal in (a, b) if not signal.still]
    rank = len(site.shape)
    if len(timed) == 2 and any(s.moving and s.axes[1] >= len(s.shape) - 2 for s in timed):
        site.refuse(why, instead)
    places = {
        tuple(None if axis is None else axis + rank - len(s.shape) for axis in (s.batch, s.time))
        for s in timed
    }
    if len(places) > 1 or len({(s.when.hop, s.when.frames) for s in timed}) > 1:
        site.refuse(why, instead)
    x, y = site.builder.balanced([a, b])
    batch, time = next(iter(places))
    output = next(s for s in (x, y) if not s.still).as_shape(site.shape, batch=batch, time=time)
    return site.builder.call(site.target, {**site.args, "self": x, second: y}, output)


def batch_norm(site: Site) -> Signal:
    """By stored statistics: every frame by itself."""
    x = site.builder.settled(site.args["input"])
    if site.args["training"]:
        site.refuse(
            "it normalises by the statistics of the whole batch, the future included",
            "call module.eval(), and keep track_running_stats=True",
        )
    site.untimed(x, [1], "it has statistics for each frame", "put channels on axis 1")
    return site.builder.call(site.target, {**site.args, "input": x}, x)


def layer_norm(site: Site) -> Signal:
    """Over the last axes, time not among them."""
    x = site.builder.settled(site.args["input"])
    dims = range(len(x.shape) - len(site.args["normalized_shape"]), len(x.shape))
    site.untimed(
        x, list(dims), WHOLE, "normalise over channels: transpose, LayerNorm, transpose back"
    )
    return site.builder.call(site.target, {**site.args, "input": x}, x)


def norm_over_time(site: Site) -> Signal:
    """Group norm and instance norm: over channels and all that follows."""
    x = site.builder.settled(site.args["input"])
    if x.moving and site.args.get("use_input_stats", True):
        site.refuse(WHOLE, "use BatchNorm (eval), or LayerNorm over the channels of every frame")
    return site.builder.call(site.target, {**site.args, "input": x}, x)
