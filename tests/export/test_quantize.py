"""An ONNX graph in 8 bits is calibrated as it runs; its front end and its states stay float."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from small_streams import RATE_HZ, classifier, sound
from sonant.export.onnx import export_whole
from sonant.export.quantize import gap, quantize_step, quantize_whole, stream_gap, whole_gap
from sonant.export.step import export_step


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("quantized")
    model = classifier()
    paths = SimpleNamespace(
        **{name: folder / f"{name}.onnx" for name in ("step", "step8", "whole", "whole8")}
    )
    export_step(model.stream, paths.step, hops=1)
    export_whole(model, paths.whole, samples=RATE_HZ)
    quantize_step(paths.step, paths.step8, heard=sound(4, 4.0), hop=64)
    quantize_whole(paths.whole, paths.whole8, clips=sound(40, 1.0), batch=16)
    return paths


def scales(path: Path) -> set[str]:
    """Names of what is written in 8 bits."""
    return {
        node.input[0] for node in onnx.load(path).graph.node if node.op_type == "QuantizeLinear"
    }


def test_a_stream_in_eight_bits_is_near(graphs: SimpleNamespace) -> None:
    found = stream_gap(graphs.step, graphs.step8, sound(2, 10.0, seed=9), hop=64)
    assert found.clear_agreement > 0.95
    assert abs(found.drift) < 0.02


def test_a_whole_clip_in_eight_bits_is_near(graphs: SimpleNamespace) -> None:
    assert whole_gap(graphs.whole, graphs.whole8, sound(32, 1.0, seed=9)).clear_agreement > 0.9


def test_states_stay_float(graphs: SimpleNamespace) -> None:
    graph = onnx.load(graphs.step8).graph
    makers = {result: node.op_type for node in graph.node for result in node.output}
    states = [end.name for end in graph.output][1:]
    assert states
    assert all(makers[name] != "DequantizeLinear" for name in states)
    assert not scales(graphs.step8) & {end.name for end in graph.input}


@pytest.mark.parametrize("kind", ["step", "whole"])
def test_the_front_end_stays_float(graphs: SimpleNamespace, kind: str) -> None:
    graph = onnx.load(getattr(graphs, f"{kind}8")).graph
    assert scales(getattr(graphs, f"{kind}8"))
    before_log: set[str] = set()
    makers = {result: node for node in graph.node for result in node.output}
    waiting = [node for node in graph.node if node.op_type == "Log"]
    assert waiting
    while waiting:
        node = waiting.pop()
        before_log.add(node.op_type)
        waiting += [makers[name] for name in node.input if name in makers]
    assert "QuantizeLinear" not in before_log


def test_a_gap_counts_labels_and_drift() -> None:
    wanted = np.tile(np.array([[0.9, 0.1], [0.52, 0.48]], np.float32), (10, 1))
    given = wanted.copy()
    given[1] = 0.48, 0.52
    given[-2:] += np.float32(0.1)
    found = gap(wanted, given)
    assert found.agreement == pytest.approx(0.95)
    assert found.clear_agreement == 1.0
    assert found.max_difference == pytest.approx(0.1, abs=1e-6)
    assert found.drift == pytest.approx(0.08, abs=1e-6)
