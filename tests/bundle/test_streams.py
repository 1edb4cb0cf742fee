"""A bundle of whatever streams has step graphs, proved on its clips, that say what the model answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sonant import audio
from sonant.bundle import Contents, build_speaker_model, save
from sonant.card import Card
from sonant.errors import ExportError
from sonant.recipe import Recipe
from sonant.runtime.session import StreamGraph
from sonant.speakers.embedding import EmbeddingGraph
from tone_speakers import SPEAKERS_RECIPE, tone_speakers

HOP = 64
OVERRIDES = (
    "front_end.mean=running",
    "model.name=tdnn_stream",
    "model.channels=[16, 16, 24]",
    "model.kernels=[3, 3, 1]",
    "model.dilations=[1, 2, 1]",
    "model.size=12",
)


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """A speaker model that streams, and clips of several lengths."""
    recipe = Recipe.load(SPEAKERS_RECIPE, OVERRIDES)
    torch.manual_seed(0)
    model = build_speaker_model(recipe).eval()
    manifest = tone_speakers(tmp_path_factory.mktemp("tones"), speakers=4, each=1)
    sounds = [audio.read(item.path).samples for item in manifest]
    lengths = np.array([len(sound) for sound in sounds], np.int64)
    clips = np.zeros((len(sounds), lengths.max()), np.float32)
    for row, sound in zip(clips, sounds, strict=True):
        row[: len(sound)] = sound
    return Contents(
        recipe=recipe,
        labels=(),
        model=model,
        clips=clips,
        lengths=lengths,
        parameters=1,
        macs_per_second=1.0,
    )


@pytest.fixture(scope="module")
def card(contents: Contents, tmp_path_factory: pytest.TempPathFactory) -> Card:
    return Card.read(save(contents, tmp_path_factory.mktemp("bundles")))


def test_a_speaker_model_that_streams_has_all_its_graphs(card: Card) -> None:
    assert set(card.graphs) == {"embed", "stream", "step"}
    for name in ("stream", "step"):
        graph = card.graphs[name]
        assert (graph.input, graph.output) == ("samples", "embedding")
        assert graph.max_difference < 1e-4
        assert graph.stream == card.graphs["stream"].stream
    spec = card.graphs["stream"].stream
    assert spec is not None
    assert (spec.hop, spec.delay) == (HOP, 0)
    assert spec.macs_per_second > 0
    assert [state.next for state in spec.states] == [f"{s.name}.next" for s in spec.states]


def test_a_stream_arrives_where_the_whole_clip_does(card: Card, contents: Contents) -> None:
    stream, whole = StreamGraph(card), EmbeddingGraph(card, threads=1)
    assert stream.values == 12
    for sound in contents.sounds:
        ready = sound[: len(sound) // HOP * HOP]
        session = stream.open()
        answers = [session.push(part) for part in np.array_split(ready, 11)]
        np.testing.assert_allclose(
            np.concatenate(answers)[-1], whole.embed(ready).vector, atol=2e-4
        )


def test_a_step_graph_that_differs_leaves_no_bundle(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differ(*_: object) -> float:
        raise ExportError("differs")

    monkeypatch.setattr("sonant.export.step.difference", differ)
    with pytest.raises(ExportError):
        save(contents, tmp_path)
    assert list((tmp_path / "tones").iterdir()) == []
