"""A vocoder that sounds while the mel is coming says what the whole graph says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from converters import write_vocoder
from sonant.bundle import Contents, build_vocoder_model, save
from sonant.card import Card
from sonant.conversion.vocoder_stream import VocoderStream
from sonant.conversion.vocoders import GraphVocoder, Mel
from sonant.errors import BundleError
from sonant.recipe import Recipe
from sounds import white
from tone_speech import SMALL_VOCODER


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """Of a vocoder with fresh weights and one Griffin-Lim turn."""
    recipe = Recipe.load(SMALL_VOCODER, ["model.turns=1"])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_vocoder_model(recipe).eval()
    clips = white(1, length=recipe.data.samples).numpy()
    contents = Contents(
        recipe=recipe, labels=(), model=model, clips=clips, parameters=1, macs_per_second=1.0
    )
    return Card.read(save(contents, tmp_path_factory.mktemp("vocoder")))


def spoken(card: Card) -> Mel:
    frames = np.random.default_rng(0).standard_normal((16, 41), dtype=np.float32)
    return -4 + frames


def test_all_that_comes_out_is_what_the_whole_graph_makes(card: Card) -> None:
    mel, stream = spoken(card), VocoderStream(card)
    parts = [stream.push(part) for part in np.split(mel, [1, 2, 5, 5, 30], axis=1)]
    made = np.concatenate([*parts, stream.finish()])
    np.testing.assert_allclose(made, GraphVocoder(card).sound(mel, seed=0), atol=2e-4)


def test_sound_comes_as_late_as_the_card_says(card: Card) -> None:
    stream = VocoderStream(card)
    late = stream.stream.delay // stream.stream.hop
    # Looked ahead, half a window, and for the turn a window less a hop.
    assert late == 2 + 2 + 3
    assert not len(stream.push(spoken(card)[:, :late]))
    assert len(stream.push(spoken(card)[:, late : late + 1])) == stream.stream.hop


def test_two_streams_do_not_hear_each_other(card: Card) -> None:
    mel, one, other = spoken(card), VocoderStream(card), VocoderStream(card)
    first = one.push(mel)
    np.testing.assert_array_equal(other.push(mel), first)


def test_a_bundle_without_steps_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no graph 'vocoder_stream' \(there: vocoder\)"):
        VocoderStream(Card.read(write_vocoder(tmp_path)))
