"""An ONNX graph on its way to another: what it holds, and tensors as rows [batch, numbers].

Most of what a step computes on one frame has one axis that is not 1, so it is the same numbers in the
same order whether it stands as [batch, channels, 1] or as a row. A tensor is kept in the form in
which it was made, and brought into the other when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

Shape: TypeAlias = tuple[int, ...]
"""Without the batch axis, which is the first."""
Values: TypeAlias = NDArray[np.generic]

FOLDED: Final = frozenset(
    ("Constant", "Concat", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze")
)
"""What is worked out where all inputs are constants; it moves numbers and rounds none."""
ROW: Final = ".row"
"""Behind the name of a tensor: the same as a row."""
TURNED: Final = ".turned"
"""The same with frames in front of channels."""


@final
class Graph:
    """The nodes that were written so far, and what is known of the tensors."""

    def __init__(self, model: ModelProto) -> None:
        self.constants: dict[str, Values] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self._outputs = [end.name for end in model.graph.output]
        self._shapes = shapes(model)
        self._made = {end.name for end in model.graph.input}
        self._first: dict[str, str] = {}
        self._rows: dict[str, str] = {}
        self.turned: dict[str, str] = {}
        """Tensors of which only [batch, frames, channels] was made, and the name of that."""
        self.nodes: list[NodeProto] = []

    def shape(self, name: str) -> Shape | None:
        """Of a tensor whose first axis is the batch and whose others are known."""
        return self._shapes.get(name)

    def fold(self, node: NodeProto) -> None:
        """Remember what a node gives that depends on constants alone."""
        known = all(name in self.constants for name in node.input)
        if node.op_type in FOLDED and known and not node.domain:
            feeds = {name: self.constants[name] for name in node.input}
            given = ReferenceEvaluator(node).run(None, feeds)
            self.constants |= dict(zip(node.output, given, strict=True))

    def has_row(self, name: str) -> bool:
        """Whether the row of a tensor is there already."""
        first = self._first.get(name, name)
        return first in self._rows or len(self._shapes.get(first, ())) == 1

    def row(self, name: str) -> str:
        """The row [batch, numbers] of a tensor, by its name."""
        first = self._first.get(name, name)
        if first not in self._rows:
            if len(self._shapes[first]) == 1:
                return first
            self.full(first)
            self._rows[first] = first + ROW
            self._write("Flatten", [first], self._rows[first], axis=1)
        return self._rows[first]

    def full(self, name: str) -> str:
        """A tensor in its own shape; of two axes, its row under any name."""
        shape = self._shapes.get(name)
        if name in self._made or shape is None:
            return name
        if len(shape) == 1:
            return self.row(name)
        if name in self.turned:
            self._write("Transpose", [self.turned[name]], name, perm=[0, 2, 1])
        else:
            self._as(name, shape)
        return name

    def same(self, name: str, given: str) -> None:
        """Say that a tensor holds the numbers of another in the same order."""
        self._first[name] = self._first.get(given, given)

    def constant(self, values: Values, *, name: str) -> str:
        """Put a constant beside those there are, under a name like `name`."""
        number = 0
        while (fresh := f"{name}.{number}") in self.constants:
            if np.array_equal(self.constants[fresh], values):
                return fresh
            number += 1
        self.constants[fresh] = np.ascontiguousarray(values)
        return fresh

    def write(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """An operator that gives a tensor in its own shape."""
        self._write(kind, inputs, output, **attributes)

    def write_row(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """An operator on rows that gives the row of a tensor."""
        if len(self._shapes[output]) == 1:
            self._write(kind, inputs, output, **attributes)
            return
        self._rows[output] = output + ROW
        self._write(kind, inputs, output + ROW, **attributes)

    def write_turned(
        self, kind: str, inputs: Sequence[str], output: str, **attributes: Any
    ) -> None:
        """An operator that gives [batch, frames, channels] of a tensor [batch, channels, frames]."""
        channels, frames = self._shapes[output]
        self.turned[output] = turned = output + TURNED
        self._shapes[turned] = (frames, channels)
        self._write(kind, inputs, turned, **attributes)

    def keep(self, node: NodeProto) -> None:
        """A node as it was."""
        kept = NodeProto()
        kept.CopyFrom(node)
        kept.input[:] = [self.full(name) for name in node.input]
        self.nodes.append(kept)
        self._made.update(node.output)

    def write_lines(self, given: str, numbers: int, output: str) -> None:
        """A tensor as [batch, ..., numbers], under a name of its own."""
        first = self._first.get(given, given)
        there = self._rows.get(first) or self.full(first)
        wanted = self.constant(np.array([0, -1, numbers], np.int64), name="shape")
        self._write("Reshape", [there, wanted], output)

    def finish(self, model: ModelProto) -> ModelProto:
        """The model with these nodes in place of its own, and the constants that they use."""
        for name in self._outputs:
            if name in self.turned:
                self.full(name)
            elif name not in self._made:
                self._as(name, self._shapes[name])
        used = set(self._outputs)
        nodes = []
        for node in reversed(self.nodes):
            if used & set(node.output):
                used.update(node.input)
                nodes.append(node)
        made = ModelProto()
        made.CopyFrom(model)
        for field in ("node", "initializer", "value_info"):
            made.graph.ClearField(field)
        made.graph.node.extend(reversed(nodes))
        there = {name for node in nodes for name in node.output}
        made.graph.initializer.extend(
            numpy_helper.from_array(values, name)
            for name, values in self.constants.items()
            if name in used - there
        )
        return made

    def _as(self, name: str, shape: Shape) -> None:
        first = self._first.get(name, name)
        there = self._rows.get(first) or self.full(first)
        wanted = self.constant(np.array([0, *shape], np.int64), name="shape")
        self._write("Reshape", [there, wanted], name)

    def _write(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        node = helper.make_node(kind, inputs, [output], name=f"{output}:{kind}", **attributes)
        self.nodes.append(node)
        self._made.add(output)


def shapes(model: ModelProto) -> dict[str, Shape]:
    """Of all tensors that begin with the batch of the first input and whose other axes are fixed."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        first, *rest = value.type.tensor_type.shape.dim or [None]
        is_batch = first is not None and batch and first.dim_param == batch
        if is_batch and all(axis.dim_value > 0 for axis in rest):
            found[value.name] = tuple(axis.dim_value for axis in rest)
    return found


def settings(node: NodeProto) -> dict[str, Any]:
    """The attributes of a node."""
    return {part.name: helper.get_attribute_value(part) for part in node.attribute}


Rule: TypeAlias = Callable[[Graph, NodeProto], bool]
"""Writes what stands in for a node and returns True, or leaves the node alone."""
