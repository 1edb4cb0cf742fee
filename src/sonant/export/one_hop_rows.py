"""What lies between products on rows [batch, numbers] and works on rows as well, as a literal table.

A rule writes what stands in for a node and returns True, or leaves the node alone: where no row comes
in, there is nothing to be gained.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final

import numpy as np
from onnx import NodeProto

from sonant.export.one_hop_graph import Graph, Rule, Shape, settings


def elementwise(graph: Graph, node: NodeProto) -> bool:
    """Number by number: on rows as well, with constants brought to the length of a row."""
    shape = graph.shape(node.output[0])
    moving = [name for name in node.input if name and name not in graph.constants]
    if shape is None or any(graph.shape(name) != shape for name in moving):
        return False
    if moving == list(node.input) and graph.turned.keys() >= set(moving):
        turned = [graph.turned[name] for name in moving]
        graph.write_turned(node.op_type, turned, node.output[0], **settings(node))
        return True
    if not any(graph.has_row(name) for name in moving):
        return False
    given = [
        _as_row(graph, name, shape) if name in graph.constants else name and graph.row(name)
        for name in node.input
    ]
    graph.write_row(node.op_type, given, node.output[0], **settings(node))
    return True


def reshaping(graph: Graph, node: NodeProto) -> bool:
    """The same numbers in the same order, and no work."""
    before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
    if before is None or after is None or prod(before) != prod(after) or len(node.output) > 1:
        return False
    graph.same(node.output[0], node.input[0])
    return True


def transposition(graph: Graph, node: NodeProto) -> bool:
    """No work either, where axes of 1 alone change places."""
    before, order = graph.shape(node.input[0]), settings(node).get("perm")
    if node.input[0] in graph.turned and order == [0, 2, 1]:
        graph.same(node.output[0], graph.turned[node.input[0]])
        return True
    if before is None or not order or order[0] != 0:
        return False
    long = [axis for axis in order[1:] if before[axis - 1] > 1]
    return long == sorted(long) and reshaping(graph, node)


def along(graph: Graph, node: NodeProto) -> bool:
    """What works along the only axis that is not 1 works along a row."""
    shape = graph.shape(node.output[0])
    axes = settings(node)
    moving = [name for name in node.input if name not in graph.constants]
    if shape is None or "axis" not in axes:
        return False
    axis = axes["axis"] % (1 + len(shape)) - 1
    if not all(_is_line(graph.shape(name), axis) for name in moving):
        return False
    if len(moving) < len(node.input) or not any(graph.has_row(name) for name in moving):
        return False
    rows = [graph.row(name) for name in moving]
    graph.write_row(node.op_type, rows, node.output[0], axis=1)
    return True


def slicing(graph: Graph, node: NodeProto) -> bool:
    """The same for a slice, whose axis is an input."""
    bounds = [graph.constants.get(name) for name in node.input[1:]]
    shape = graph.shape(node.input[0])
    if shape is None or graph.shape(node.output[0]) is None or len(bounds) < 3:
        return False
    axes = bounds[2]
    if axes is None or axes.size != 1 or not graph.has_row(node.input[0]):
        return False
    if not _is_line(shape, int(axes[0]) % (1 + len(shape)) - 1):
        return False
    given = [graph.row(node.input[0]), *node.input[1:]]
    given[3] = graph.constant(np.array([1], np.int64), name="axes")
    graph.write_row("Slice", given, node.output[0])
    return True


def product(graph: Graph, node: NodeProto) -> bool:
    """One frame times a matrix."""
    shape, matrix = graph.shape(node.input[0]), graph.constants.get(node.input[1])
    if shape is None or matrix is None or matrix.ndim != 2 or not graph.has_row(node.input[0]):
        return False
    if not _is_line(shape, len(shape) - 1) or graph.shape(node.output[0]) is None:
        return False
    graph.write_row("MatMul", [graph.row(node.input[0]), node.input[1]], node.output[0])
    return True


CARRIED: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu"), elementwise),
    **dict.fromkeys(("Clip", "Log", "Sqrt", "Exp", "Abs", "Neg", "Reciprocal"), elementwise),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Min", "Max", "Pow"), elementwise),
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Identity", "Split"), reshaping),
    "Transpose": transposition,
    "Concat": along,
    "Softmax": along,
    "Slice": slicing,
    "MatMul": product,
}
"""What goes on in rows, where a row comes in."""


def _as_row(graph: Graph, name: str, shape: Shape) -> str:
    """A constant that is spread over [batch, *shape], as a row; a single number as it is."""
    values = graph.constants[name]
    if not values.ndim:
        return name
    spread = values.reshape(values.shape[-len(shape) :]) if values.ndim > len(shape) else values
    if values.size > 1:
        return graph.constant(np.broadcast_to(spread, shape).ravel(), name=name)
    return graph.constant(values.reshape(()), name=name)


def _is_line(shape: Shape | None, axis: int) -> bool:
    """Whether all axes but one, counted without the batch, are 1."""
    return shape is not None and axis >= 0 and prod(shape) == shape[axis]
