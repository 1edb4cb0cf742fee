"""A speaker model that streams goes out as a step graph, which keeps nothing but its states."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from small_embedders import small_embedder, utterances
from sonant.errors import ExportError
from sonant.export.embedding_step import export_embedding_step, step_difference
from sonant.export.step import specification
from sonant.models.embedder import StreamingSpeakerEmbedder

HOP = 160


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamingSpeakerEmbedder, Path]:
    embedder = small_embedder("tdnn_stream")
    assert isinstance(embedder, StreamingSpeakerEmbedder)
    path = tmp_path_factory.mktemp("graph") / "step.onnx"
    assert export_embedding_step(embedder, path) < 2e-5
    return embedder, path


def test_hop_by_hop_it_arrives_at_the_embedding_of_the_utterance(
    exported: tuple[StreamingSpeakerEmbedder, Path],
) -> None:
    embedder, path = exported
    samples, lengths = utterances()
    sound = samples[:1, 0, : int(lengths[0]) // HOP * HOP].numpy()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state = {
        place.name: np.zeros((1, *place.shape[1:]), np.float32)
        for place in session.get_inputs()[1:]
    }
    for start in range(0, sound.shape[1], HOP):
        answer, *after = session.run(None, {"samples": sound[:, start : start + HOP], **state})
        state = dict(zip(state, after, strict=True))
    with torch.no_grad():
        wanted = embedder(samples[:1], lengths[:1])
    np.testing.assert_allclose(answer[..., -1], wanted, atol=1e-5)


def test_its_ends_are_those_that_a_card_tells(
    exported: tuple[StreamingSpeakerEmbedder, Path],
) -> None:
    embedder, path = exported
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    stream = specification(embedder.stream, macs_per_second=0.0)
    assert (stream.hop, stream.delay) == (HOP, 0)
    assert [place.name for place in session.get_inputs()] == [
        "samples",
        *(state.name for state in stream.states),
    ]
    assert [place.name for place in session.get_outputs()] == [
        "embedding",
        *(state.next for state in stream.states),
    ]


def test_a_graph_of_other_weights_is_refused(
    exported: tuple[StreamingSpeakerEmbedder, Path],
) -> None:
    embedder, path = exported
    other = deepcopy(embedder)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1.5)
    samples, _ = utterances()
    with pytest.raises(ExportError, match="the step graph differs from the model by"):
        step_difference(other, path, samples[:2, 0].numpy())
