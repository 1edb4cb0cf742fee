"""A module goes out as ONNX with a free batch, and a graph that answers otherwise is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from sonant.bundle import build_classifier
from sonant.errors import ExportError
from sonant.export.onnx import difference, export_whole
from sonant.recipe import Recipe
from words import SMALL

LABELS = ["high", "low", "noise"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    torch.manual_seed(0)
    model = build_classifier(Recipe.load(SMALL), LABELS).train()
    path = tmp_path_factory.mktemp("graph") / "whole.onnx"
    export_whole(model, path, samples=1000)
    return model, path


def clips(count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(-1, 1, (count, 1000)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_of_clips_goes_through(exported: tuple[nn.Module, Path], count: int) -> None:
    model, path = exported
    assert difference(model, path, clips(count)) < 1e-5


def test_the_model_is_left_as_it_was(exported: tuple[nn.Module, Path]) -> None:
    assert exported[0].training


def test_the_graph_is_of_plain_operators_with_named_ends(exported: tuple[nn.Module, Path]) -> None:
    graph = onnx.load(exported[1]).graph
    assert [end.name for end in (*graph.input, *graph.output)] == ["samples", "probabilities"]
    assert {node.domain for node in graph.node} <= {""}
    session = onnxruntime.InferenceSession(str(exported[1]), providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {"samples": clips(3)})
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-5)


def test_a_graph_of_another_model_is_refused(exported: tuple[nn.Module, Path]) -> None:
    torch.manual_seed(1)
    other = build_classifier(Recipe.load(SMALL), LABELS)
    with pytest.raises(ExportError, match="differs from the model by"):
        difference(other, exported[1], clips(4))


def test_what_cannot_be_exported_says_why_in_one_line(tmp_path: Path) -> None:
    class Deciding(nn.Module):
        def forward(self, samples: Tensor) -> Tensor:
            return samples if samples.sum().item() > 0 else -samples

    with pytest.raises(ExportError, match="cannot be written as ONNX") as raised:
        export_whole(Deciding(), tmp_path / "whole.onnx", samples=10)
    assert len(str(raised.value).splitlines()) == 1
    assert not (tmp_path / "whole.onnx").exists()
