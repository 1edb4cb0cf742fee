"""What stands in for an operator where only one frame comes out, as a literal table of rules.

Kernels for many frames do badly on one: a convolution first copies its input once for each weight, and
then multiplies by a matrix of one column. Here it becomes a product over the batch, or a product
number by number and a sum.
A rule writes what stands in for a node and returns True, or leaves the node alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
from onnx import NodeProto

from sonant.export.one_hop_graph import Graph, Rule, Shape, Values, settings

FEW: Final = 16
"""Windows of a signal that are cut out one by one."""
WIDEST: Final = (2, 8)
"""Times its size that a kernel may grow by the zeros in its gaps, dense and by channel; else what lies
under its weights is picked out first."""
Step: TypeAlias = tuple[str, Values, dict[str, Any]]
"""An operator, its second input, its attributes."""


def convolution(graph: Graph, node: NodeProto) -> bool:
    """The kernel has one place to go: a product over the batch, or one of each channel by itself."""
    weights = graph.constants.get(node.input[1])
    before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
    if weights is None or before is None or after is None or not _unpadded(node):
        return False
    if any(name not in graph.constants for name in node.input[2:]):
        return False
    groups = settings(node).get("group", 1)
    if groups == 1 and prod(after[1:]) == 1:
        return _dense(graph, node, weights, before)
    if groups == before[0] == len(weights):
        return _by_channel(graph, node, weights)
    if before[0] == 1 and len(after) == 2 and after[1] <= FEW:
        return _windows(graph, node, weights, frames=after[1])
    return False


def _dense(graph: Graph, node: NodeProto, weights: Values, before: Shape) -> bool:
    """All that the kernel lies on, as a row, times a matrix."""
    if prod(before) > WIDEST[0] * weights[0].size:
        _pick(graph, node, weights, before, range(len(before) - 1))
        row = f"{node.output[0]}.picked.row"
        graph.write("Flatten", [f"{node.output[0]}.picked"], row, axis=1)
    else:
        row, weights = graph.row(node.input[0]), _filled(node, weights, before[1:])
    matrix = graph.constant(weights.reshape(len(weights), -1), name=node.input[1])
    graph.write_row("Gemm", [row, matrix, *node.input[2:]], node.output[0], transB=1)
    return True


def _windows(graph: Graph, node: NodeProto, weights: Values, *, frames: int) -> bool:
    """A few windows of a signal, side by side: a product over all of them."""
    given = settings(node)
    span, stride = weights.shape[2], given.get("strides", [1])[0]
    if given.get("dilations", [1])[0] > 1 or len(node.input) > 2:
        return False
    signal, output = graph.row(node.input[0]), node.output[0]
    axis = graph.constant(np.array([1], np.int64), name="axes")
    for number in range(frames):
        ends = [np.array([number * stride + more], np.int64) for more in (0, span)]
        bounds = [graph.constant(end, name="bound") for end in ends]
        graph.write("Slice", [signal, *bounds, axis], f"{output}.{number}")
    graph.write("Concat", [f"{output}.{n}" for n in range(frames)], f"{output}.windows", axis=1)
    matrix = graph.constant(weights[:, 0].T, name=node.input[1])
    graph.write_lines(f"{output}.windows", span, f"{output}.lines")
    graph.write_turned("MatMul", [f"{output}.lines", matrix], output)
    return True


def _by_channel(graph: Graph, node: NodeProto, weights: Values) -> bool:
    """Each channel times its weights, and the sum over the axes that the kernel spans."""
    before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
    assert before is not None
    assert after is not None
    spanned = _spanned(node, weights.shape[2:], before, after)
    if spanned is None:
        return False
    places = [size if axis in spanned else 1 for axis, size in enumerate(before[1:])]
    alone = prod(after[1:]) == 1
    if prod(places) > WIDEST[1] * weights[0].size:
        _pick(graph, node, weights, before, spanned)
        first, filled = f"{node.output[0]}.picked", weights[:, 0]
    else:
        take = graph.row if prod(before[1:]) == 1 else graph.full
        first, filled = take(node.input[0]), _filled(node, weights, places)[:, 0]
    steps: list[Step] = [("Mul", filled.ravel() if prod(before[1:]) == 1 else filled, {})]
    if prod(before[1:]) > 1:
        steps += [_reduction("ReduceSum", before, spanned, alone=alone)]
    for name in node.input[2:]:
        bias = graph.constants[name]
        steps += [("Add", bias if alone else bias.reshape(-1, *(1 for _ in after[1:])), {})]
    _chain(graph, first, steps, node.output[0], alone=alone)
    return True


def pooling(kind: str) -> Rule:
    """The window has one place to go, and is as long as what it lies on: a reduction."""

    def rule(graph: Graph, node: NodeProto) -> bool:
        before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
        if before is None or after is None or len(node.output) > 1 or not _unpadded(node):
            return False
        window = settings(node)["kernel_shape"]
        spanned = _spanned(node, window, before, after)
        if not spanned or any(window[axis] != before[1 + axis] for axis in spanned):
            return False
        alone = prod(after[1:]) == 1
        steps = [_reduction(kind, before, spanned, alone=alone)]
        _chain(graph, graph.full(node.input[0]), steps, node.output[0], alone=alone)
        return True

    return rule


def reduction(graph: Graph, node: NodeProto) -> bool:
    """Over the last axes that are not 1: over the last of [batch, kept, reduced], which is quick."""
    before = graph.shape(node.input[0])
    axes = graph.constants.get(node.input[1]) if len(node.input) > 1 else None
    if before is None or axes is None or not axes.size or graph.shape(node.output[0]) is None:
        return False
    over = {int(axis) % (1 + len(before)) - 1 for axis in axes}
    long = [axis for axis, size in enumerate(before) if size > 1]
    reduced = [axis for axis in long if axis in over]
    if -1 in over or long[len(long) - len(reduced) :] != reduced:
        return False
    if reduced and reduced[-1] == len(before) - 1:
        return False  # quick as it is
    if not reduced:
        graph.same(node.output[0], node.input[0])
        return True
    lines = f"{node.output[0]}.lines"
    graph.write_lines(node.input[0], prod(before[axis] for axis in reduced), lines)
    last = graph.constant(np.array([2], np.int64), name="axes")
    graph.write_row(node.op_type, [lines, last], node.output[0], keepdims=0)
    return True


REPLACED: Final[Mapping[str, Rule]] = {
    "Conv": convolution,
    "AveragePool": pooling("ReduceMean"),
    "MaxPool": pooling("ReduceMax"),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax"), reduction),
}
"""What runs badly on one frame."""


def _chain(graph: Graph, first: str, steps: Sequence[Step], output: str, *, alone: bool) -> None:
    """One operator after the other; the last gives `output`, as a row where it stands `alone`."""
    given = first
    for number, (kind, values, more) in enumerate(steps):
        inputs = [given, graph.constant(values, name=f"{output}.{kind}")]
        if number < len(steps) - 1:
            given = f"{output}.{number}"
            graph.write(kind, inputs, given, **more)
        elif alone:
            graph.write_row(kind, inputs, output, **more)
        else:
            graph.write(kind, inputs, output, **more)


def _reduction(kind: str, before: Shape, spanned: Sequence[int], *, alone: bool) -> Step:
    """Over what a kernel spans; over all axes but channels where only one place is left."""
    axes = range(len(before) - 1) if alone else spanned
    return kind, np.array([2 + axis for axis in axes], np.int64), {"keepdims": int(not alone)}


def _spanned(
    node: NodeProto, kernel: Sequence[int], before: Shape, after: Shape
) -> list[int] | None:
    """The axes, from the first behind channels, on which a kernel has one place to go.

    None where it has more on any, unless it is 1 there and meets every place.
    """
    strides = settings(node).get("strides", [1] * len(kernel))
    spanned = []
    for axis, size in enumerate(kernel):
        if after[1 + axis] == 1 and (size > 1 or before[1 + axis] > 1):
            spanned.append(axis)
        elif size > 1 or strides[axis] > 1 < before[1 + axis]:
            return None
    return spanned


def _filled(node: NodeProto, weights: Values, places: Sequence[int]) -> Values:
    """A kernel as long as what it lies on: zeros between its weights, and behind them."""
    dilations = settings(node).get("dilations", [1] * len(places))
    filled = np.zeros((*weights.shape[:2], *places), weights.dtype)
    taps = tuple(
        slice(0, (size - 1) * gap + 1, gap)
        for size, gap in zip(weights.shape[2:], dilations, strict=True)
    )
    filled[:, :, *taps] = weights
    return filled


def _pick(
    graph: Graph, node: NodeProto, weights: Values, before: Shape, axes: Sequence[int]
) -> None:
    """Only the numbers under the weights of a kernel with gaps."""
    dilations = settings(node).get("dilations", [1] * (len(before) - 1))
    ends = [(weights.shape[2 + axis] - 1) * dilations[axis] + 1 for axis in axes]
    bounds = (
        [0] * len(ends),
        ends,
        [2 + axis for axis in axes],
        [dilations[axis] for axis in axes],
    )
    named = [graph.constant(np.array(bound, np.int64), name="bound") for bound in bounds]
    output = f"{node.output[0]}.picked"
    graph.write("Slice", [graph.full(node.input[0]), *named], output)


def _unpadded(node: NodeProto) -> bool:
    given = settings(node)
    return not any(given.get("pads", ())) and given.get("auto_pad", b"NOTSET") in (
        b"NOTSET",
        b"VALID",
    )
