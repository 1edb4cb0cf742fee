"""Clips of any length as embeddings, by the graph of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sonant.card import Card
from sonant.errors import AudioError, BundleError
from sonant.speakers.embedding import AT_ONCE, LEAST_SHARE, Embedding, EmbeddingGraph
from voice_bundle import moments, write_voices


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> EmbeddingGraph:
    return EmbeddingGraph(Card.read(write_voices(tmp_path_factory.mktemp("voices"))), threads=1)


def sound(seconds: float, *, seed: int = 0) -> np.ndarray:
    draws = np.random.default_rng(seed)
    swell = np.linspace(0.01, 1, round(16_000 * seconds))
    return (swell * draws.standard_normal(len(swell)) + 0.3 * swell).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 9.99])
def test_a_clip_is_one_run_of_the_graph(graph: EmbeddingGraph, seconds: float) -> None:
    found, wanted = graph.embed(sound(seconds)), moments(sound(seconds))
    np.testing.assert_allclose(found.vector, wanted / np.linalg.norm(wanted), atol=1e-5)
    assert found.norm == pytest.approx(np.linalg.norm(wanted), rel=1e-4)
    assert np.linalg.norm(found.vector) == pytest.approx(1.0, abs=1e-6)


def test_a_long_clip_is_the_middle_of_windows_that_cover_it(graph: EmbeddingGraph) -> None:
    clip = sound(25.0)
    found = graph.embed(clip)
    # 25 s are three windows of 10 s, every 7.5 s.
    parts = [moments(clip[start : start + 160_000]) for start in (0, 120_000, 240_000)]
    middle = np.mean([part / np.linalg.norm(part) for part in parts], axis=0)
    np.testing.assert_allclose(found.vector, middle / np.linalg.norm(middle), atol=1e-5)
    assert found.norm == pytest.approx(np.mean([np.linalg.norm(part) for part in parts]), rel=1e-4)


def test_very_long_clips_go_through_in_several_runs(graph: EmbeddingGraph) -> None:
    clip = sound(12.0)
    found = graph.embed(clip, window_s=0.5)
    parts = [moments(part) for part in np.split(clip, 24)]
    middle = np.mean([part / np.linalg.norm(part) for part in parts], axis=0)
    np.testing.assert_allclose(found.vector, middle / np.linalg.norm(middle), atol=1e-5)


def test_the_same_clip_gives_the_same_bits(graph: EmbeddingGraph) -> None:
    first, second = graph.embed(sound(13.0)), graph.embed(sound(13.0).copy())
    assert first.vector.tobytes() == second.vector.tobytes()


LENGTHS_S = (1.0, 0.3, 25.0, 1.02, 0.95, 0.1, 1.0, 12.0, 0.97)


def test_clips_together_are_what_they_are_alone(graph: EmbeddingGraph) -> None:
    clips = [sound(seconds, seed=number) for number, seconds in enumerate(LENGTHS_S)]
    together = graph.embed_many(clips)
    for one, clip in zip(together, clips, strict=True):
        alone = graph.embed(clip)
        np.testing.assert_allclose(one.vector, alone.vector, atol=1e-5)
        assert one.norm == pytest.approx(alone.norm, rel=1e-5)


@pytest.mark.parametrize("level", [0.0, 1e-3, 30.0])
def test_what_a_mate_is_like_changes_nothing(graph: EmbeddingGraph, level: float) -> None:
    clip = sound(0.9)
    usual, other = (
        graph.embed_many([clip, scale * sound(1.0, seed=1) + shift])[0].vector
        for scale, shift in ((1.0, 0.0), (level, 1e-4))
    )
    assert usual.tobytes() == other.tobytes()


def test_clips_of_like_length_share_a_run_and_none_is_filled_up_far(
    graph: EmbeddingGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    whole = EmbeddingGraph._run

    def counted(self: EmbeddingGraph, windows: Sequence[np.ndarray]) -> list[Embedding]:
        runs.append([len(window) for window in windows])
        return whole(self, windows)

    monkeypatch.setattr(EmbeddingGraph, "_run", counted)
    graph.embed_many([sound(seconds) for seconds in LENGTHS_S])
    assert [len(run) for run in runs] == [5, 5, 1, 1]
    assert all(min(run) >= LEAST_SHARE * max(run) for run in runs)
    runs.clear()
    graph.embed_many([sound(0.5)] * (2 * AT_ONCE + 1))
    assert [len(run) for run in runs] == [AT_ONCE, AT_ONCE, 1]


def test_no_clips_are_no_embeddings(graph: EmbeddingGraph) -> None:
    assert graph.embed_many([]) == []


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        (sound(0.05), "0.050 s are too short"),
        (np.zeros(0, np.float32), "too short"),
        (np.full(16_000, np.nan, np.float32), "want finite numbers"),
        (sound(1.0)[None], r"samples \[1, 16000\]"),
    ],
)
def test_what_cannot_be_embedded_is_named(
    graph: EmbeddingGraph, samples: np.ndarray, complaint: str
) -> None:
    for clips in ([samples], [sound(1.0), samples]):
        with pytest.raises(AudioError, match=complaint):
            graph.embed_many(clips)


def test_silence_through_this_graph_is_no_number(graph: EmbeddingGraph) -> None:
    with pytest.raises(BundleError, match="an answer is not a number"):
        graph.embed(np.zeros(16_000, np.float32))


def test_the_digest_is_that_of_the_graph(graph: EmbeddingGraph) -> None:
    assert graph.digest == graph.card.files["graphs/whole.onnx"]
    assert graph.rate_hz == 16_000


def test_a_graph_without_norms_gives_none(tmp_path: Path) -> None:
    graph = EmbeddingGraph(Card.read(write_voices(tmp_path, norm=False)), threads=1)
    assert graph.embed(sound(1.0)).norm is None


def test_a_bundle_that_is_no_speaker_model_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="has no graph 'embed'"):
        EmbeddingGraph(Card.read(tiny_bundle))


def test_a_graph_with_other_ends_is_refused(tmp_path: Path) -> None:
    card = Card.read(write_voices(tmp_path, output="vector"))
    with pytest.raises(BundleError, match="outputs embedding, norm, want samples, lengths and vec"):
        EmbeddingGraph(card)
