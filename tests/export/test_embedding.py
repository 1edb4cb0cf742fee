"""A speaker model goes out as ONNX for any batch of any length, and a graph that differs is refused."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from small_embedders import LENGTHS, small_embedder, utterances
from sonant.errors import ExportError
from sonant.export.embedding import batch_of, embedding_difference, export_embedding
from sonant.models.embedder import SpeakerEmbedder

NAMES = ("dense_head", "deep_speaker_gru", "tdnn_stream")
"""Every kind of layer over frames, in its smallest network: tracing takes seconds."""


@pytest.fixture(scope="module", params=NAMES)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SpeakerEmbedder, Path]:
    embedder = small_embedder(request.param).train()
    path = tmp_path_factory.mktemp("graph") / "embed.onnx"
    assert export_embedding(embedder, path) < 1e-5
    return embedder, path


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_inputs_and_outputs_are_named_and_free(exported: tuple[SpeakerEmbedder, Path]) -> None:
    embedder, path = exported
    graph = session(path)
    samples, lengths = graph.get_inputs()
    assert (samples.name, lengths.name) == ("samples", "lengths")
    assert all(isinstance(size, str) for size in (*samples.shape, *lengths.shape))
    assert samples.shape[0] == lengths.shape[0]
    assert [end.name for end in graph.get_outputs()] == ["embedding", "norm"]
    assert graph.get_outputs()[0].shape[1] == embedder.size


def test_the_graph_answers_a_batch_of_any_lengths_as_the_model(
    exported: tuple[SpeakerEmbedder, Path],
) -> None:
    embedder, path = exported
    samples, lengths = utterances()
    feed = {"samples": samples[:, 0].numpy(), "lengths": lengths.numpy()}
    embedding, norm = session(path).run(None, feed)
    was = embedder.training
    with torch.no_grad():
        wanted = embedder.eval().unscaled(samples, lengths)
    embedder.train(was)
    np.testing.assert_allclose(norm, wanted.norm(dim=1), rtol=1e-4)
    np.testing.assert_allclose(embedding, wanted / wanted.norm(dim=1, keepdim=True), atol=1e-5)


def test_the_model_is_left_as_it_was(exported: tuple[SpeakerEmbedder, Path]) -> None:
    assert exported[0].training


def test_a_graph_of_other_weights_is_refused(exported: tuple[SpeakerEmbedder, Path]) -> None:
    embedder, path = exported
    other = deepcopy(embedder)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1.5)
    samples, _ = utterances()
    with pytest.raises(ExportError, match="differs from the model by"):
        embedding_difference(other, path, [samples[0, 0].numpy()])


def test_clips_are_laid_side_by_side_with_silence_behind_them() -> None:
    clips = [np.ones(length, np.float32) for length in (3, 5, 0)]
    samples, lengths = batch_of(clips, least=8)
    assert samples.tolist() == [[1] * 3 + [0] * 5, [1] * 5 + [0] * 3, [0] * 8]
    assert lengths.tolist() == [3, 5, 0]
    assert max(LENGTHS) == batch_of([np.ones(max(LENGTHS), np.float32)], least=8)[0].shape[1]


def test_a_network_that_cannot_be_written_is_an_error_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    with pytest.raises(
        ExportError, match="cannot be written as ONNX: RuntimeError: no such operator"
    ):
        export_embedding(small_embedder("tdnn"), tmp_path / "embed.onnx")
