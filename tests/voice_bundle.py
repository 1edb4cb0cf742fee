"""A speaker bundle made without training: its embedding is made of a clip's first moments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bundles import write_bundle
from sonant.audio import Samples

SIZE = 4


def write_voices(root: Path, *, norm: bool = True, output: str = "embedding") -> Path:
    """Write a bundle with the graph `embed` and return its folder; `norm` gives it that output."""
    graph = {
        "file": "graphs/whole.onnx",
        "input": "samples",
        "output": output,
        "max_difference": 1e-6,
    }
    changes = {"task": "speakers", "labels": [], "graphs": {"embed": graph}}
    return write_bundle(root, name="voices", changes=changes, graph=moments_graph(norm=norm))


def moments_graph(*, norm: bool) -> onnx.ModelProto:
    """samples [batch, n], lengths [batch] -> means of |x|, x, x² and x³, brought to length 1."""
    nodes = [
        helper.make_node("Abs", ["samples"], ["size"]),
        helper.make_node("Mul", ["samples", "samples"], ["square"]),
        helper.make_node("Mul", ["samples", "square"], ["cube"]),
        *(
            helper.make_node("ReduceSum", [name, "time"], [f"sum_{name}"], keepdims=1)
            for name in ("size", "samples", "square", "cube")
        ),
        helper.make_node(
            "Concat", ["sum_size", "sum_samples", "sum_square", "sum_cube"], ["sums"], axis=1
        ),
        helper.make_node("Cast", ["lengths"], ["counts"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counts", "time"], ["column"]),
        helper.make_node("Div", ["sums", "column"], ["moments"]),
        helper.make_node("ReduceL2", ["moments", "time"], ["norms"], keepdims=1),
        helper.make_node("Div", ["moments", "norms"], ["embedding"]),
        *([helper.make_node("Squeeze", ["norms", "time"], ["norm"])] if norm else []),
    ]
    inputs = [
        helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["batch", "n"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", SIZE])]
    if norm:
        outputs.append(helper.make_tensor_value_info("norm", TensorProto.FLOAT, ["batch"]))
    time = numpy_helper.from_array(np.array([1], np.int64), "time")
    graph = helper.make_graph(nodes, "moments", inputs, outputs, [time])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def moments(samples: Samples) -> NDArray[np.float64]:
    """What the graph says before it brings it to length 1, [SIZE]."""
    x = samples.astype(np.float64)
    return np.array([np.abs(x).mean(), x.mean(), (x**2).mean(), (x**3).mean()])
