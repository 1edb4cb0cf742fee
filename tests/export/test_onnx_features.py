"""A network without its front end, as ONNX: features in, hop by hop, as the model answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from small_streams import BINS, features, network
from sonant.errors import ExportError
from sonant.export import onnx_features
from sonant.export.onnx_features import FeatureRunner, export_step
from sonant.export.tflite_running import whole_signal
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Pointwise


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "step.onnx"
    export_step(network(), path, bins=BINS)
    return path


def test_steps_are_the_whole_signal(exported: Path) -> None:
    heard = features(1, 200)[0].numpy()
    wanted = whole_signal(network(), heard)
    np.testing.assert_allclose(FeatureRunner(exported).answers(heard), wanted, atol=1e-5)


def test_many_streams_are_each_by_itself(exported: Path) -> None:
    runner, heard = FeatureRunner(exported), features(3, 40).numpy()
    together = runner.run(heard)
    for stream, answer in zip(heard, together, strict=True):
        np.testing.assert_allclose(runner.run(stream[None])[0], answer, atol=1e-6)


def test_its_ends_have_names_and_nothing_slow_is_left(exported: Path) -> None:
    graph = onnx.load(exported).graph
    assert graph.input[0].name == "features"
    states = [end.name for end in graph.input][1:]
    assert [end.name for end in graph.output] == [
        "probabilities", *(f"{name}.next" for name in states)
    ]  # fmt: skip
    assert states
    assert not {"Conv", "AveragePool"} & {node.op_type for node in graph.node}


def test_several_frames_make_a_hop(tmp_path: Path) -> None:
    torch.manual_seed(0)
    halving = Chain(Conv1d(BINS, 3, 4, stride=2), Pointwise(torch.nn.ReLU())).eval()
    export_step(halving, tmp_path / "step.onnx", bins=BINS)
    heard = features(1, 51)[0].numpy()
    runner = FeatureRunner(tmp_path / "step.onnx")
    assert runner.hop == 2
    np.testing.assert_allclose(runner.answers(heard), whole_signal(halving, heard), atol=1e-5)


def test_operators_that_answer_otherwise_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = onnx_features.rewritten

    def wrong(model: onnx.ModelProto) -> onnx.ModelProto:
        made = right(model)
        for tensor in made.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                values = onnx.numpy_helper.to_array(tensor)
                tensor.CopyFrom(onnx.numpy_helper.from_array(1.1 * values, tensor.name))
        return made

    monkeypatch.setattr(onnx_features, "rewritten", wrong)
    export_step(network(), tmp_path / "step.onnx", bins=BINS)
    heard = features(1, 30)[0].numpy()
    given = FeatureRunner(tmp_path / "step.onnx").answers(heard)
    np.testing.assert_allclose(given, whole_signal(network(), heard), atol=1e-5)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "step.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ExportError, match="cannot open"):
        FeatureRunner(path)
