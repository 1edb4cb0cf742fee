"""An utterance while it is spoken: at every moment its embedding is that of the clip it would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sonant.card import Card
from sonant.errors import AudioError, BundleError
from sonant.listening import Listener
from sonant.runtime.session import StreamGraph
from sonant.speakers.deciding import Deciding
from sonant.speakers.embedding import EmbeddingGraph
from sonant.speakers.growing import Growing, Repeated, Streamed
from sonant.speakers.model import SpeakerModel
from sonant.verification.calibration import Calibration
from voice_bundle import write_voices
from voice_stream import HOP, rising


@pytest.fixture(scope="module")
def graph(talking_bundle: Path) -> EmbeddingGraph:
    return EmbeddingGraph(Card.read(talking_bundle), threads=1)


@pytest.fixture(params=["streamed", "repeated"])
def growing(request: pytest.FixtureRequest, talking_bundle: Path, graph: EmbeddingGraph) -> Growing:
    if request.param == "repeated":
        return Repeated(graph)
    return Streamed(StreamGraph(Card.read(talking_bundle)))


@pytest.mark.parametrize("size", [HOP, 1000, 5000, 48_000])
def test_however_it_comes_it_is_the_embedding_of_all_so_far(
    growing: Growing, graph: EmbeddingGraph, size: int
) -> None:
    sound = rising(3.0)
    for start in range(0, len(sound), size):
        growing.push(sound[start : start + size])
        heard = min(start + size, len(sound)) // HOP * HOP
        if heard < 1600 or start // size % 7:
            continue
        found = growing.embedding().vector
        np.testing.assert_allclose(found, graph.embed(sound[:heard]).vector, atol=2e-4)
        assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-5)


def test_the_next_utterance_begins_from_nothing(growing: Growing) -> None:
    one, other = rising(1.0), rising(1.5, seed=1)
    growing.push(one)
    first = growing.embedding().vector.copy()
    growing.push(other)
    growing.reset()
    growing.push(one)
    np.testing.assert_allclose(growing.embedding().vector, first, atol=1e-6)


def test_what_are_no_numbers_is_refused(growing: Growing) -> None:
    def hear() -> None:
        growing.push(np.full(1600, np.nan, np.float32))
        growing.embedding()

    with pytest.raises(AudioError):
        hear()


def test_a_bundle_that_streams_is_followed_hop_by_hop(talking_bundle: Path, tmp_path: Path) -> None:
    assert isinstance(SpeakerModel.load(talking_bundle).growing(), Streamed)
    assert isinstance(SpeakerModel.load(write_voices(tmp_path)).growing(), Repeated)


def test_a_calibration_that_asks_for_a_norm_gets_one(talking_bundle: Path) -> None:
    by_norm = Calibration(
        slope=1.0, offset=0.0, quality={"norm": 1.0}, prior=0.5, same=10, different=10
    )
    model = SpeakerModel.load(talking_bundle, deciding=Deciding(calibration=by_norm))
    growing = model.growing()
    growing.push(rising(1.0))
    assert growing.embedding().norm is not None


def test_a_step_graph_says_how_many_values_an_answer_has(talking_bundle: Path) -> None:
    graph = StreamGraph(Card.read(talking_bundle))
    assert (graph.values, graph.stream.hop) == (12, HOP)
    assert graph.one_hop is not None
    assert graph.open().push(rising(1.0)).shape == (100, 12)


def test_many_utterances_grow_in_one_run(talking_bundle: Path) -> None:
    graph = StreamGraph(Card.read(talking_bundle))
    sounds = [rising(0.5, seed=seed) for seed in range(5)]
    alone = [graph.open().push(sound) for sound in sounds]
    together = graph.step([graph.open() for _ in sounds], sounds)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_words_are_not_listened_for_in_voices(talking_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"knows voices and no words; .*sonant speaker listen"):
        Listener(Card.read(talking_bundle))
