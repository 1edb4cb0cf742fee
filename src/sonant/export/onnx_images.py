"""Convolutions in time by channel as ones over images one row high: the same sums, from quicker kernels.

onnxruntime has kernels for a depthwise convolution over images; one over a signal it does channel
by channel, as many small products of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from sonant import whole_file

EXACT: Final = 1e-5
"""Largest difference in any output by which another order of sums may show."""
ROW: Final = 2
"""The axis, one long, between channels and time."""
ALONG: Final = ("kernel_shape", "strides", "dilations")
"""What a convolution says of each axis."""


def hasten(path: Path, given: Mapping[str, NDArray[np.float32]]) -> bool:
    """Rewrite the graph at `path` where it has such convolutions; returns whether it was.

    It stays as it was where an output for `given`, one array for each input, would not be what it was
    to `EXACT`.
    """
    before = onnx.load(str(path))
    after = with_images(before)
    if after is before:
        return False
    wanted, found = (_outputs(model, given) for model in (before, after))
    pairs = zip(wanted, found, strict=True)
    if not all(np.abs(one - other).max(initial=0.0) <= EXACT for one, other in pairs):
        return False
    whole_file.write_bytes(path, after.SerializeToString())
    return True


def with_images(model: ModelProto) -> ModelProto:
    """The graph with images in it; the model itself, untouched, where there is nothing to rewrite."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    axis = numpy_helper.from_array(np.array([ROW], np.int64), "image.row")
    nodes: list[NodeProto] = []
    made = [axis]
    for node in model.graph.node:
        if _is_by_channel(node, weights):
            made.append(_kernel(node, weights[node.input[1]]))
            nodes += _over_image(node, axis=axis.name, kernel=made[-1].name)
        else:
            nodes.append(node)
    if len(made) == 1:
        return model
    after = ModelProto()
    after.CopyFrom(model)
    for field in ("node", "initializer"):
        after.graph.ClearField(field)
    read = {name for node in nodes for name in node.input}
    gone = {node.input[1] for node in model.graph.node if _is_by_channel(node, weights)} - read
    after.graph.node.extend(nodes)
    after.graph.initializer.extend(tensor for name, tensor in weights.items() if name not in gone)
    after.graph.initializer.extend(made)
    return after


def _is_by_channel(node: NodeProto, weights: Mapping[str, TensorProto]) -> bool:
    """Whether a node is a convolution of a signal in which no channel meets another."""
    if node.op_type != "Conv" or node.domain or node.input[1] not in weights:
        return False
    outputs, inputs, *kernel = weights[node.input[1]].dims
    said = {part.name: helper.get_attribute_value(part) for part in node.attribute}
    return len(kernel) == 1 and inputs == 1 and said.get("group", 1) == outputs > 1


def _kernel(node: NodeProto, weights: TensorProto) -> TensorProto:
    values = np.expand_dims(numpy_helper.to_array(weights), ROW)
    return numpy_helper.from_array(values, f"{node.output[0]}.kernel")


def _over_image(node: NodeProto, *, axis: str, kernel: str) -> list[NodeProto]:
    """The signal as an image, the convolution over it, and its only row as a signal again."""
    signal, (output,) = node.input[0], node.output
    image, answer = f"{output}.image", f"{output}.answer"
    over = NodeProto()
    over.CopyFrom(node)  # with what the exporter says of it, as the layer that it came from
    over.input[0], over.input[1], over.output[0] = image, kernel, answer
    for part in over.attribute:
        if part.name == "pads":  # the beginnings of all axes, and then their ends
            part.ints[:] = [0, part.ints[0], 0, part.ints[1]]
        elif part.name in ALONG:
            part.ints[:] = [1, *part.ints]
    return [
        helper.make_node("Unsqueeze", [signal, axis], [image], name=image),
        over,
        helper.make_node("Squeeze", [answer, axis], [output], name=f"{answer}.signal"),
    ]


def _outputs(model: ModelProto, given: Mapping[str, NDArray[np.float32]]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, dict(given)))
