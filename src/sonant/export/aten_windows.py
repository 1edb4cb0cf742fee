"""Convolutions and pooling in TensorFlow, channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from torch import fx

from sonant.export.translate_layout import Axes, Laid, moved, reshaped

LINE: Axes = (0, 2, None, 1)
"""[batch, channels, frames] as an image of one bin: [batch, frames, 1, channels]."""
IMAGE: Axes = (0, 3, 2, 1)
"""[batch, channels, bins, frames], time first in memory: [batch, frames, bins, channels]."""


class _Image:
    """What an operator on an image of either orientation has to know."""

    def __init__(self, x: Laid) -> None:
        one = x.rank == 3
        axes = tuple(axis for axis in x.axes if axis is not None)
        known = len(x.axes) == 4 and x.axes[0] == 0 and x.axes[3] == 1 and len(axes) == x.rank
        self.axes = x.axes if known else (LINE if one else IMAGE)
        self.tensor = moved(x, self.axes)
        # Of the operator's own axes, which is the image's first, and which its second; None for neither.
        self.order = [None if axis is None else axis - 2 for axis in self.axes[1:3]]

    def pair(self, values: Sequence[int], *, missing: int) -> list[int]:
        """One value for each axis of the image, from those of the operator's own axes."""
        values = list(values) * 2 if len(values) == 1 else list(values)
        return [missing if axis is None else int(values[axis]) for axis in self.order]

    def kernel(self, weights: Any) -> Any:
        """[outputs, inputs, *kernel] -> [*image, inputs, outputs]."""
        weights = np.asarray(weights.tensor) if isinstance(weights, Laid) else weights
        if weights.ndim == 3:
            weights = weights[..., None]
        order = [axis if axis is not None else 1 for axis in self.order]
        return np.ascontiguousarray(weights.transpose(2 + order[0], 2 + order[1], 1, 0))

    def padded(self, padding: Sequence[int], *, value: float = 0.0) -> Any:
        """The image with as much on either side."""
        pads = self.pair(padding, missing=0)
        if not any(pads):
            return self.tensor
        widths = [[0, 0], [pads[0]] * 2, [pads[1]] * 2, [0, 0]]
        return tf.pad(self.tensor, widths, constant_values=value)


def convolution(
    node: fx.Node, x: Laid, weight: Laid, bias: Laid | None, stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int,
) -> Laid:  # fmt: skip
    """One or two axes, any groups; constant weights."""
    if not isinstance(weight.tensor, np.ndarray):
        raise NotImplementedError("a convolution whose weights are computed")
    image = _Image(x)
    if transposed:
        y = _transposed(image, weight, stride, padding, dilation, output_padding, groups)
    else:
        y = _convolved(image, weight, stride, padding, dilation, groups)
    return Laid(y if bias is None else tf.nn.bias_add(y, bias.tensor), image.axes)


def _convolved(
    image: _Image, weight: Laid, stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int], groups: int,
) -> Any:  # fmt: skip
    tensor = image.padded(padding)
    strides, dilations = image.pair(stride, missing=1), image.pair(dilation, missing=1)
    kernel = image.kernel(weight)
    if groups == 1:
        return tf.nn.conv2d(tensor, kernel, strides, "VALID", dilations=dilations)
    channels = int(tensor.shape[3])
    if groups == channels:
        return _depthwise(tensor, kernel, strides, dilations)
    outputs = kernel.shape[3] // groups
    parts = [
        tf.nn.conv2d(
            part,
            kernel[..., at * outputs : (at + 1) * outputs],
            strides,
            "VALID",
            dilations=dilations,
        )
        for at, part in enumerate(tf.split(tensor, groups, axis=3))
    ]
    return tf.concat(parts, 3)


def _depthwise(tensor: Any, kernel: Any, strides: list[int], dilations: list[int]) -> Any:
    """[..., 1, channels * multiplier] -> [..., channels, multiplier], as TensorFlow has it.

    Its kernel on the CPU knows one stride for both axes, and none together with a dilation: the rest
    is computed without stride, and left out afterwards.
    """
    channels = int(tensor.shape[3])
    kernel = kernel.reshape(*kernel.shape[:2], channels, -1)
    for axis in (0, 1):  # an axis with one place has no stride
        if tensor.shape[axis + 1] == kernel.shape[axis] == 1:
            strides[axis] = strides[1 - axis]
    if strides[0] == strides[1] and (strides[0] == 1 or dilations == [1, 1]):
        return tf.nn.depthwise_conv2d(
            tensor, kernel, [1, *strides, 1], "VALID", dilations=dilations
        )
    dense = tf.nn.depthwise_conv2d(tensor, kernel, [1, 1, 1, 1], "VALID", dilations=dilations)
    return dense[:, :: strides[0], :: strides[1]]


def _transposed(
    image: _Image, weight: Laid, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int],
    more: Sequence[int], groups: int,
) -> Any:  # fmt: skip
    strides, dilations = image.pair(stride, missing=1), image.pair(dilation, missing=1)
    kernel = _spread(image.kernel(weight), dilations)  # [*image, outputs of a group, inputs]
    inputs = kernel.shape[3] // groups
    parts = []
    for at, part in enumerate(tf.split(image.tensor, groups, axis=3)):
        weights = kernel[..., at * inputs : (at + 1) * inputs]
        sizes = [
            (int(part.shape[axis + 1]) - 1) * strides[axis] + kernel.shape[axis] for axis in (0, 1)
        ]
        batch = part.shape[0] or tf.shape(part)[0]
        shape = [batch, *sizes, kernel.shape[2]]
        parts.append(tf.nn.conv2d_transpose(part, weights, shape, strides, "VALID"))
    y = tf.concat(parts, 3) if groups > 1 else parts[0]
    cuts, more = image.pair(padding, missing=0), image.pair(more, missing=0)
    y = tf.pad(y, [[0, 0], [0, more[0]], [0, more[1]], [0, 0]]) if any(more) else y
    ends = [int(y.shape[axis + 1]) - cuts[axis] for axis in (0, 1)]
    return y[:, cuts[0] : ends[0], cuts[1] : ends[1]] if any(cuts) else y


def _spread(kernel: Any, dilations: list[int]) -> Any:
    """A kernel with the zeros between its values that a dilation means."""
    if dilations == [1, 1]:
        return kernel
    sizes = [(size - 1) * by + 1 for size, by in zip(kernel.shape[:2], dilations, strict=True)]
    wide = np.zeros((*sizes, *kernel.shape[2:]), kernel.dtype)
    wide[:: dilations[0], :: dilations[1]] = kernel
    return wide


def average(
    _: fx.Node, x: Laid, kernel: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0, 0),
    ceil_mode: bool = False, count_include_pad: bool = True, divisor: int | None = None,
) -> Laid:  # fmt: skip
    """The mean of windows."""
    x, gone = _batched(x)
    image = _Image(x)
    if ceil_mode or (any(padding) and not count_include_pad):
        raise NotImplementedError("average pooling with ceil_mode, or padding that does not count")
    size = image.pair(kernel, missing=1)
    strides = image.pair(stride or kernel, missing=1)
    y = tf.nn.avg_pool2d(image.padded(padding), size, strides, "VALID")
    y = y if divisor is None else y * (size[0] * size[1] / divisor)
    return _unbatched(Laid(y, image.axes), gone)


def largest(
    _: fx.Node, x: Laid, kernel: Sequence[int], stride: Sequence[int] = (), padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1), ceil_mode: bool = False,
) -> tuple[Laid, None]:  # fmt: skip
    """The largest value of windows; where it lay is not told."""
    x, gone = _batched(x)
    image = _Image(x)
    if ceil_mode:
        raise NotImplementedError("max pooling with ceil_mode")
    tensor = image.padded(padding, value=float(np.finfo(np.float32).min))
    size, strides = image.pair(kernel, missing=1), image.pair(stride or kernel, missing=1)
    dilations = image.pair(dilation, missing=1)
    if dilations == [1, 1]:
        y = tf.nn.max_pool2d(tensor, size, strides, "VALID")
    else:
        y = tf.nn.pool(tensor, size, "MAX", padding="VALID", dilations=dilations)
        y = y[:, :: strides[0], :: strides[1]]
    return _unbatched(Laid(y, image.axes), gone), None


def mean_of_all(_: fx.Node, x: Laid, size: Sequence[int]) -> Laid:
    """Adaptive pooling to parts of one size."""
    image = _Image(x)
    parts = image.pair(size, missing=1)
    now = [int(image.tensor.shape[axis]) for axis in (1, 2)]
    if any(length % part for length, part in zip(now, parts, strict=True)):
        raise NotImplementedError(f"adaptive pooling of {now} to {parts}, which does not divide it")
    if parts == [1, 1]:
        return Laid(tf.reduce_mean(image.tensor, [1, 2], keepdims=True), image.axes)
    size = [length // part for length, part in zip(now, parts, strict=True)]
    return Laid(tf.nn.avg_pool2d(image.tensor, size, size, "VALID"), image.axes)


def _batched(x: Laid) -> tuple[Laid, bool]:
    """torch pools [channels, height, width] too."""
    if x.rank == 4:
        return x, False
    tensor = x.logical
    return Laid(
        reshaped(tensor, [1, *(x.size(axis) for axis in range(x.rank))]), (0, 1, 2, 3)
    ), True


def _unbatched(x: Laid, gone: bool) -> Laid:
    if not gone:
        return x
    return Laid(x.tensor, tuple(None if axis in (None, 0) else axis - 1 for axis in x.axes))
