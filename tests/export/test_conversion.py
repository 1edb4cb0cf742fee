"""A converter's graph says what the model says, whatever the lengths of source and target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from small_converters import small_converter
from sonant.errors import ExportError
from sonant.export import conversion
from sonant.models.converter import VoiceConverter


@pytest.fixture(scope="module")
def model() -> VoiceConverter:
    return small_converter()


@pytest.fixture(scope="module")
def graph(model: VoiceConverter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "convert.onnx"
    clip = np.sin(np.arange(1700, dtype=np.float32) / 3) * 0.3
    assert (
        conversion.export_converter(model, path, clips=[clip, clip[:900]]) <= conversion.TOLERANCE
    )
    return path


def test_batch_and_both_lengths_are_free(model: VoiceConverter, graph: Path) -> None:
    session = onnxruntime.InferenceSession(graph)
    draw = np.random.default_rng(1)
    for batch, n, m in ((1, 128, 5000), (3, 5001, 130), (2, 640, 640)):
        source = 0.1 * draw.standard_normal((batch, n), dtype=np.float32)
        target = 0.1 * draw.standard_normal((batch, m), dtype=np.float32)
        (mel,) = session.run(["mel"], {"source": source, "target": target})
        with torch.no_grad():
            wanted = model(torch.from_numpy(source)[:, None], torch.from_numpy(target)[:, None])
        np.testing.assert_allclose(mel, wanted.numpy(), atol=conversion.TOLERANCE)


def test_a_clip_is_paired_with_the_next() -> None:
    clips = [np.full(3, value, np.float32) for value in (0, 1, 2)]
    pairs = [(one[0], other[0]) for one, other in conversion.pairs_of(clips)]
    assert pairs == [(0, 1), (1, 2), (2, 0)]


def test_a_graph_that_differs_is_not_kept(graph: Path) -> None:
    other = small_converter()
    with torch.no_grad():
        other.network.decoder.last.bias.add_(0.1)
    clips = [np.zeros(500, np.float32), np.ones(600, np.float32)]
    with pytest.raises(ExportError, match=r"differs from the model by 0\.23"):
        conversion.converter_difference(other, graph, conversion.pairs_of(clips))
