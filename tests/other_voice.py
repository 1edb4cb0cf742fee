"""A second speaker bundle without training: the moments of `voice_bundle`, weighed otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bundles import write_bundle
from voice_bundle import moments_graph

SCALES = (1.0, 30.0, 3.0, 40.0)


def write_other(root: Path, *, rate_hz: int = 16_000, norm: bool = True) -> Path:
    """Write a bundle with the graph `embed` and return its folder."""
    graph = {
        "file": "graphs/whole.onnx",
        "input": "samples",
        "output": "embedding",
        "max_difference": 1e-6,
    }
    audio = {"rate_hz": rate_hz, "samples": rate_hz, "pad": "end", "crop": "start"}
    changes = {"task": "speakers", "labels": [], "graphs": {"embed": graph}, "audio": audio}
    return write_bundle(root, name="others", changes=changes, graph=weighed_graph(norm=norm))


def weighed_graph(*, norm: bool = True) -> onnx.ModelProto:
    """`moments_graph` with every moment times one of `SCALES` before it is brought to length 1."""
    model = moments_graph(norm=norm)
    nodes = list(model.graph.node)
    place = next(n for n, node in enumerate(nodes) if "moments" in node.output)
    nodes[place].output[0] = "plain"
    nodes.insert(place + 1, helper.make_node("Mul", ["plain", "scales"], ["moments"]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.array(SCALES, np.float32), "scales"))
    return model
