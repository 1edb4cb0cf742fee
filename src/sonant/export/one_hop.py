"""A step graph of exactly one hop, for live streams: the same answers from operators that suit one frame.

Its ends are those of the graph of any length that `export.step` writes, so a stream may go from one
to the other between any two steps.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from sonant import whole_file
from sonant.errors import ExportError
from sonant.export.one_hop_graph import Graph
from sonant.export.one_hop_rows import CARRIED
from sonant.export.one_hop_rules import REPLACED
from sonant.export.onnx import TOLERANCE
from sonant.export.step import StepRunner, difference, export_step
from sonant.nn.streaming import Streamable

OPSET = 18
"""From which on reductions take their axes as an input, as the rules write them."""


def export_one_hop(
    stream: Streamable, path: Path, clips: NDArray[np.float32], *, plain: Path | None = None
) -> float | None:
    """Write samples [batch, 1, hop] -> logits [batch, labels, 1] as a step graph for one hop.

    `plain` is that graph as the exporter wrote it, where there is one. The result is held to it and to
    the model on `clips`, [batch, samples]. Returns the largest difference of a probability from the
    model, or None where there is nothing to be gained, or more than `TOLERANCE` would be lost: the
    graph of any length does, and no file is written. Raises `ExportError` as `export_step` does.
    """
    with tempfile.TemporaryDirectory(prefix="sonant-one-hop-") as scratch:
        if plain is None:
            plain = Path(scratch) / "plain.onnx"
            export_step(stream, plain, hops=1)
        before = onnx.load(str(plain))
        after = rewritten(before)
        if after is before:
            return None
        fast = Path(scratch) / "fast.onnx"
        onnx.save(after, str(fast))
        try:
            worst = difference(stream, fast, clips)
            apart = _between(plain, fast, clips, hop=int(stream.hop))
        except ExportError:
            return None
        if not apart <= TOLERANCE:
            return None
        whole_file.write_bytes(path, fast.read_bytes())
    return worst


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph by the rules; the model itself, untouched, where none of `REPLACED` has a place.

    Its first input is [batch, samples] with a free batch and a fixed number of samples.
    """
    if not _is_plain(model):
        return model
    graph = Graph(model)
    replaced = 0
    for node in model.graph.node:
        graph.fold(node)
        rules = REPLACED if node.op_type in REPLACED else CARRIED
        rule = rules.get(node.op_type)
        if rule is not None and not node.domain and rule(graph, node):
            replaced += rules is REPLACED
        else:
            graph.keep(node)
    return graph.finish(model) if replaced else model


def _is_plain(model: onnx.ModelProto) -> bool:
    """Whether all operators are of a version that the rules know, and none holds a graph of its own."""
    versions = {opset.domain: opset.version for opset in model.opset_import}
    nested = any(part.HasField("g") for node in model.graph.node for part in node.attribute)
    return versions.get("", 0) >= OPSET and not nested and not model.functions


def _between(plain: Path, fast: Path, clips: NDArray[np.float32], *, hop: int) -> float:
    """The largest difference of a probability between the two graphs, hop by hop."""
    runners = [StepRunner(path, hop=hop) for path in (plain, fast)]
    worst = 0.0
    for sound in (clips, clips.reshape(1, -1)):
        cut = sound[:, : sound.shape[1] // hop * hop]
        one, other = (runner.run(cut, hops=(1,)) for runner in runners)
        # Not `max`: it takes what is no number for the smaller one.
        worst = float(np.maximum(worst, np.abs(one - other).max(initial=0.0)))
    return worst
