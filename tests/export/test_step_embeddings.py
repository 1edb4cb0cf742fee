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
from sonant.export.one_hop import export_one_hop
from sonant.export.step import StepRunner, difference, export_step, specification
from sonant.models.embedder import StreamingSpeakerEmbedder

HOP = 160


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamingSpeakerEmbedder, Path]:
    embedder = small_embedder("tdnn_stream")
    assert isinstance(embedder, StreamingSpeakerEmbedder)
    path = tmp_path_factory.mktemp("graph") / "stream.onnx"
    assert export_step(embedder.stream, path) is None, "the number of hops is not free"
    return embedder, path


def test_hop_by_hop_it_arrives_at_the_embedding_of_the_utterance(
    exported: tuple[StreamingSpeakerEmbedder, Path],
) -> None:
    embedder, path = exported
    samples, lengths = utterances()
    sound = samples[:1, 0, : int(lengths[0]) // HOP * HOP].numpy()
    answers = StepRunner(path, hop=HOP).run(sound, hops=(1,))
    with torch.no_grad():
        wanted = embedder(samples[:1], lengths[:1])
    np.testing.assert_allclose(answers[..., -1], wanted, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(answers, axis=1), 1.0, atol=1e-5)


def test_any_chunking_any_batch_and_no_reset_answer_as_the_whole(
    exported: tuple[StreamingSpeakerEmbedder, Path],
) -> None:
    embedder, path = exported
    samples, _ = utterances()
    assert difference(embedder.stream, path, samples[:, 0].numpy()) < 2e-5


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


def test_a_graph_for_one_hop_says_the_same(
    exported: tuple[StreamingSpeakerEmbedder, Path], tmp_path: Path
) -> None:
    embedder, path = exported
    samples, _ = utterances()
    clips = samples[:, 0].numpy()
    short = tmp_path / "step.onnx"
    worst = export_one_hop(embedder.stream, short, clips)
    assert worst is not None
    assert worst < 2e-5
    one, other = (
        StepRunner(graph, hop=HOP).run(clips[:, :3200], hops=(1,)) for graph in (path, short)
    )
    np.testing.assert_allclose(other, one, atol=1e-5)


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
        difference(other.stream, path, samples[:2, 0].numpy())
