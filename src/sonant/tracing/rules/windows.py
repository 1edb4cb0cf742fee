"""Operators over windows of time: padding, convolutions, poolings."""

from __future__ import annotations

from typing import Any

import torch

from sonant.tracing.builder import Args, Site
from sonant.tracing.signals import Signal

aten = torch.ops.aten


def pad(site: Site) -> Signal:
    """Zeros around a signal: in time they shift its frames, on other axes they are put there."""
    x: Signal = site.args["self"]
    amounts = [int(value) for value in site.args["pad"]]
    mode = site.args.get("mode", "constant")
    value = site.args.get("value") or 0
    rank = len(x.shape)
    pairs = {rank - 1 - k: (amounts[2 * k], amounts[2 * k + 1]) for k in range(len(amounts) // 2)}
    left, right = pairs.get(x.time, (0, 0)) if x.time is not None else (0, 0)
    if x.batch is not None and pairs.get(x.batch, (0, 0)) != (0, 0):
        site.refuse("it pads the batch", "pad other axes")
    if (left or right) and (mode != "constant" or value != 0):
        site.refuse(
            f"it pads time with {'the value ' + str(value) if mode == 'constant' else mode + ' frames'}, and "
            f"before a stream begins there is only zero",
            "pad with zeros",
        )
    if x.time is not None and any(pair != (0, 0) for axis, pair in pairs.items() if axis != x.time):
        x = site.builder.settled(x)
        amounts[2 * (rank - 1 - x.axes[1]) : 2 * (rank - x.axes[1])] = [0, 0][: len(amounts)]
        shape = list(site.shape)
        shape[x.axes[1]] = x.shape[x.axes[1]]
        x = site.builder.call(site.target, {**site.args, "pad": amounts}, x.as_shape(shape))
    elif x.time is None:
        return site.builder.call(site.target, site.args, x.as_shape(site.shape))
    return site.builder.padded(x, left, right) if left or right else x


def convolution(site: Site) -> Signal:
    """A convolution in one to three dimensions, of which one is time."""
    x: Signal = site.args["input"]
    weight: Signal = site.args["weight"]
    if not weight.still:
        site.refuse("its weights are computed from the input", "use fixed weights")
    if x.folded:
        return site.builder.call(site.target, site.args, x.as_shape(site.shape))
    dims = len(x.shape) - 2
    at = _spatial(site, x)
    kernel = weight.shape[2:]
    stride, dilation = (_each(site.args[name], dims) for name in ("stride", "dilation"))
    pads = _paddings(site.args["padding"], kernel, dilation)
    left, right = pads[at]
    x = site.builder.padded(x, left, right)
    pads[at] = (0, 0)
    if any(a != b for a, b in pads):
        x = _uneven(site, x, pads)
        pads = [(0, 0)] * dims
    args = {**site.args, "input": x, "stride": stride, "dilation": dilation}
    args["padding"] = [a for a, _ in pads]
    target = (aten.conv1d, aten.conv2d, aten.conv3d)[dims - 1].default
    span = dilation[at] * (kernel[at] - 1) + 1
    shape = site.shape
    return site.builder.windowed(x, target, args, shape, span=span, stride=stride[at])


def pooling(site: Site) -> Signal:
    """An average or a maximum over windows; also over frequency alone."""
    x: Signal = site.args["self"]
    if x.folded:
        return site.builder.call(site.target, site.args, x.as_shape(site.shape))
    dims, at = len(x.shape) - 2, _spatial(site, x)
    kernel = _each(site.args["kernel_size"], dims)
    stride = _each(site.args.get("stride") or kernel, dims)
    padding = _each(site.args.get("padding", 0), dims)
    dilation = _each(site.args.get("dilation", 1), dims)
    span = dilation[at] * (kernel[at] - 1) + 1
    left = padding[at]
    maximum = "max" in site.name
    if maximum and left:
        x = site.builder.ended(site.builder.settled(x))
    _whole_windows(site, x, left, span, stride[at])
    outside = x.when if maximum and left else None
    if maximum and left:
        x = site.builder.shifted(x, x.when.padded(left, left))
    elif left:
        x = site.builder.padded(x, left, left)
    padding[at] = 0
    args = {**site.args, "self": x, "kernel_size": kernel, "stride": stride, "padding": padding}
    return site.builder.windowed(
        x, site.target, args, site.shape, span=span, stride=stride[at], outside=outside
    )


def _whole_windows(site: Site, x: Signal, left: int, span: int, stride: int) -> None:
    if left and "avg" in site.name and not site.args.get("count_include_pad", True):
        site.refuse(
            "it counts fewer frames at the edges of a clip",
            "set count_include_pad=True or padding=0",
        )
    if site.args.get("ceil_mode") and (x.when.frames + 2 * left - span) % stride:
        site.refuse("its last window is a part of one (ceil_mode)", "set ceil_mode=False")


def _spatial(site: Site, x: Signal) -> int:
    if x.batch != 0 or x.axes[1] < 2:
        site.refuse(
            f"it takes time (axis {x.time} of shape {list(x.shape)}) for channels or for the batch",
            "put the batch on axis 0, channels on axis 1 and time behind them",
        )
    return x.axes[1] - 2


def _paddings(given: Any, kernel: Any, dilation: list[int]) -> list[tuple[int, int]]:
    if given == "valid":
        return [(0, 0) for _ in kernel]
    if given == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(amount, amount) for amount in _each(given, len(kernel))]


def _uneven(site: Site, x: Signal, pads: list[tuple[int, int]]) -> Signal:
    """Frequency padded more on one side than on the other, as 'same' does for even kernels."""
    x = site.builder.settled(x)
    shape = list(x.shape)
    amounts: list[int] = []
    for axis, (before, behind) in reversed(list(enumerate(pads, 2))):
        shape[axis] += before + behind
        amounts += [before, behind]
    args: Args = {"self": x, "pad": amounts, "value": 0}
    return site.builder.call(aten.constant_pad_nd.default, args, x.as_shape(shape))


def _each(value: Any, dims: int) -> list[int]:
    values = list(value) if isinstance(value, list | tuple) else [int(value)]
    return values * dims if len(values) == 1 else values
