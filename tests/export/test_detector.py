"""Spoof detectors as ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from small_detectors import RATE_HZ, SMALL, WINDOW, clips, small_detector
from sonant.errors import ExportError
from sonant.export import detector as module
from sonant.export.detector import detector_difference, export_detector, fitted


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each detector's graph, written once: it takes seconds."""
    folder = tmp_path_factory.mktemp("graphs")
    found = {name: folder / f"{name}.onnx" for name in SMALL}
    for name, path in found.items():
        worst = export_detector(small_detector(name), path, clips=list(clips()[0].numpy()))
        assert worst <= module.TOLERANCE
    return found


@pytest.mark.parametrize("name", SMALL)
def test_the_graph_says_what_the_model_does(name: str, graphs: dict[str, Path]) -> None:
    detector, path = small_detector(name), graphs[name]
    samples = list(clips()[0].numpy())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.run(["probabilities"], {"samples": np.stack(samples)})
    assert given.shape == (4, 2)
    np.testing.assert_allclose(given.sum(1), 1.0, atol=1e-5)
    with torch.no_grad():
        wanted = detector(clips()[0]).softmax(1)
    np.testing.assert_allclose(given, wanted.numpy(), atol=1e-4)


def test_the_length_is_free_where_the_network_is(graphs: dict[str, Path]) -> None:
    lengths = {}
    for name, path in graphs.items():
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        lengths[name] = session.get_inputs()[0].shape[1]
    assert isinstance(lengths["lcnn"], str)
    assert lengths["aasist"] == WINDOW


def test_clips_are_brought_to_what_the_graph_takes() -> None:
    clip = np.arange(5, dtype=np.float32)
    free, fixed = small_detector("lcnn"), small_detector("aasist")
    assert len(fitted(clip, free)) == RATE_HZ // 4
    assert fitted(clip, free)[:7].tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert len(fitted(np.zeros(3000, np.float32), free)) == 3000
    assert len(fitted(np.zeros(3000, np.float32), fixed)) == WINDOW


def test_a_graph_of_other_weights_is_not_kept(graphs: dict[str, Path]) -> None:
    detector, path = small_detector("lcnn"), graphs["lcnn"]
    with torch.no_grad():
        detector.network.get_parameter("head.bias").add_(torch.tensor([1.0, 0.0]))
    with pytest.raises(ExportError, match="differs from the model"):
        detector_difference(detector, path, list(clips()[0].numpy()))
