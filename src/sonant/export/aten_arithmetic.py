"""Core operators that work element by element, reduce, or multiply matrices, in TensorFlow.

A rule is given the node of the graph, then the operator's own arguments; tensors come `Laid`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf
from torch import fx

from sonant.export.translate_layout import Laid, elementwise, plain

Rule: TypeAlias = Callable[..., Any]
"""(node, *arguments of the operator) -> its value."""


def dtype_of(node: fx.Node) -> Any:
    """The type of a node's value, as TensorFlow names it."""
    return tf.as_dtype(str(node.meta["val"].dtype).removeprefix("torch."))


def unary(function: Callable[[Any], Any]) -> Rule:
    """A rule of one tensor."""

    def rule(_: fx.Node, x: Laid, **__: Any) -> Laid:
        return x.like(function(x.tensor))

    return rule


def binary(function: Callable[[Any, Any], Any], *, swapped: bool = False) -> Rule:
    """A rule of two tensors or numbers that broadcast; `alpha` multiplies the second of them."""

    def rule(node: fx.Node, a: Any, b: Any, alpha: float = 1) -> Laid:
        dtype = dtype_of(node)
        if alpha != 1:
            b = scaled(b, alpha) if isinstance(b, Laid) else b * alpha
        return elementwise(function, *((b, a) if swapped else (a, b)), dtype=dtype)

    return rule


def scaled(x: Laid, factor: float) -> Laid:
    """A tensor times a number."""
    return elementwise(tf.multiply, x, factor)


def compared(function: Callable[[Any, Any], Any]) -> Rule:
    """A rule that compares two tensors, or a tensor and a number."""

    def rule(_: fx.Node, a: Any, b: Any) -> Laid:
        types = [value.tensor.dtype for value in (a, b) if isinstance(value, Laid)]
        floating = [kind for kind in types if tf.as_dtype(kind).is_floating]
        return elementwise(function, a, b, dtype=(floating or types)[0])

    return rule


def decadic(x: Any) -> Any:
    """The logarithm to base 10."""
    return tf.multiply(tf.math.log(x), 1 / math.log(10))


def binary_power(x: Any) -> Any:
    """2 to the power of x."""
    return tf.exp(tf.multiply(x, math.log(2)))


def binary_log(x: Any) -> Any:
    """The logarithm to base 2."""
    return tf.multiply(tf.math.log(x), 1 / math.log(2))


def division(node: fx.Node, a: Any, b: Any, rounding_mode: str | None = None) -> Laid:
    """By a number it is a product: 8-bit kernels multiply and do not divide."""
    if rounding_mode is not None:
        function = tf.math.floordiv if rounding_mode == "floor" else tf.truncatediv
        return elementwise(function, a, b, dtype=dtype_of(node))
    if isinstance(b, int | float):
        return elementwise(tf.multiply, a, 1.0 / b, dtype=dtype_of(node))
    return elementwise(tf.divide, a, b, dtype=dtype_of(node))


def power(node: fx.Node, x: Laid, exponent: Any) -> Laid:
    """The square is a product, as 8-bit kernels have it; a root is a root."""
    if exponent == 2:
        return x.like(tf.multiply(x.tensor, x.tensor))
    if exponent == 0.5:
        return x.like(tf.sqrt(x.tensor))
    return elementwise(tf.pow, x, exponent, dtype=dtype_of(node))


def clamp(node: fx.Node, x: Laid, least: Any = None, most: Any = None) -> Laid:
    """Between two bounds, either of which may be missing."""
    if (least, most) == (0, 6):
        return x.like(tf.nn.relu6(x.tensor))
    if least == 0:
        x, least = x.like(tf.nn.relu(x.tensor)), None
    if least is not None:
        x = elementwise(tf.maximum, x, least, dtype=dtype_of(node))
    return x if most is None else elementwise(tf.minimum, x, most, dtype=dtype_of(node))


def gelu(_: fx.Node, x: Laid, *, approximate: str = "none") -> Laid:
    """Exact, or by the tangent."""
    return x.like(tf.nn.gelu(x.tensor, approximate=approximate == "tanh"))


def elu(_: fx.Node, x: Laid, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Laid:
    """With the usual three numbers, as SELU and CELU use them."""
    curved = tf.nn.elu(tf.minimum(x.tensor, 0) * input_scale) * (alpha * scale)
    return x.like(curved + tf.nn.relu(x.tensor) * scale)


def softmax(_: fx.Node, x: Laid, axis: int, __: bool = False) -> Laid:
    """Along one axis."""
    return x.like(tf.nn.softmax(x.tensor, axis=x.place(axis)))


def where(_: fx.Node, condition: Laid, a: Any, b: Any) -> Laid:
    """One of two, element by element."""
    kind = next(value.tensor.dtype for value in (a, b) if isinstance(value, Laid))

    def choose(mask: Any, yes: Any, no: Any) -> Any:
        return tf.where(tf.cast(mask, tf.bool), yes, no)

    return elementwise(choose, condition, a, b, dtype=kind)


def cast(node: fx.Node, x: Laid, *_: Any, **__: Any) -> Laid:
    """To the type that torch found."""
    return x if x.tensor.dtype == dtype_of(node) else x.like(tf.cast(x.tensor, dtype_of(node)))


def reduction(function: Callable[..., Any]) -> Rule:
    """A rule that reduces some axes, or all of them."""

    def rule(_: fx.Node, x: Laid, axes: Any = None, keepdim: bool = False, **__: Any) -> Laid:
        axes = [axes] if isinstance(axes, int) else axes
        gone = {axis % x.rank for axis in (axes or range(x.rank))}
        reduced = function(x.tensor, axis=sorted(x.place(axis) for axis in gone), keepdims=True)
        return Laid(reduced, x.axes) if keepdim else without(x.like(reduced), gone)

    return rule


def without(x: Laid, gone: set[int]) -> Laid:
    """Forget axes of one: they stay in memory."""
    left = [axis for axis in range(x.rank) if axis not in gone]
    return Laid(
        x.tensor,
        tuple(None if axis is None or axis in gone else left.index(axis) for axis in x.axes),
    )


def variance(
    node: fx.Node, x: Laid, axes: Any = None, *, correction: float = 1, keepdim: bool = False
) -> Laid:
    """The mean square about the mean, for samples or for populations."""
    axes = list(range(x.rank)) if not axes else [axes] if isinstance(axes, int) else axes
    middle = reduction(tf.reduce_mean)(node, x, axes, True)
    apart = elementwise(tf.subtract, x, middle)
    count = math.prod(int(x.size(axis)) for axis in axes)
    squares = apart.like(tf.multiply(apart.tensor, apart.tensor))
    return scaled(
        reduction(tf.reduce_mean)(node, squares, axes, keepdim), count / (count - correction)
    )


def variance_and_mean(
    node: fx.Node, x: Laid, axes: Any = None, *, correction: float = 1, keepdim: bool = False
) -> tuple[Laid, Laid]:
    """Both at once."""
    spread = variance(node, x, axes, correction=correction, keepdim=keepdim)
    return spread, reduction(tf.reduce_mean)(node, x, axes, keepdim)


def group_norm(
    _: fx.Node, x: Laid, weight: Laid | None, bias: Laid | None, __: Any, channels: int, ___: Any,
    groups: int, epsilon: float,
) -> tuple[Laid, None, None]:  # fmt: skip
    """Each group of channels by its own mean and deviation; how these were is not told."""
    tensor = x.logical
    parts = tf.reshape(tensor, [-1, groups, tensor.shape[1:].num_elements() // groups])
    middle, spread = tf.nn.moments(parts, [2], keepdims=True)
    y = tf.reshape((parts - middle) * tf.math.rsqrt(spread + epsilon), tf.shape(tensor))
    shape = [channels, *[1] * (x.rank - 2)]
    y = y if weight is None else y * weight.tensor.reshape(shape)
    return plain(y if bias is None else y + bias.tensor.reshape(shape)), None, None


def scalar(node: fx.Node, value: float, **_: Any) -> Laid:
    """A number as a tensor."""
    return plain(tf.constant(value, dtype_of(node)))


def product(_: fx.Node, a: Laid, b: Laid) -> Laid:
    """Of two matrices, or of two stacks of them."""
    return plain(tf.matmul(a.logical, b.logical))


def affine(_: fx.Node, bias: Laid, a: Laid, b: Laid, *, beta: float = 1, alpha: float = 1) -> Laid:
    """A product of matrices, and a sum."""
    given = plain(tf.matmul(a.logical, b.logical))
    given = scaled(given, alpha) if alpha != 1 else given
    return elementwise(tf.add, given, scaled(bias, beta) if beta != 1 else bias)


def argmax(_: fx.Node, x: Laid, axis: int | None = None, keepdim: bool = False) -> Laid:
    """Where the largest value lies along one axis."""
    if axis is None:
        return plain(tf.argmax(tf.reshape(x.logical, [-1])))
    place = x.place(axis)
    found = tf.expand_dims(tf.argmax(x.tensor, axis=place), place)
    return Laid(found, x.axes) if keepdim else without(x.like(found), {axis % x.rank})


def cumulative(_: fx.Node, x: Laid, axis: int) -> Laid:
    """The sum of all up to here along one axis."""
    return x.like(tf.cumsum(x.tensor, axis=x.place(axis)))


def filled(node: fx.Node, size: Sequence[Any], value: float, **__: Any) -> Laid:
    """One number in a shape."""
    sizes = [one if isinstance(one, int) else tf.cast(one, tf.int32) for one in size]
    return plain(tf.fill(sizes, tf.cast(value, dtype_of(node))))


def filled_like(node: fx.Node, x: Laid, value: float, **__: Any) -> Laid:
    """One number in the shape of a tensor."""
    return x.like(tf.fill(tf.shape(x.tensor), tf.cast(value, dtype_of(node))))
