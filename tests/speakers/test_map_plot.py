"""The picture of embeddings."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from sonant.errors import MissingExtra
from sonant.speakers.map_plot import embedding_map, principal_axes
from voices import voice

VECTORS = np.concatenate([voice(who, utterances=5) for who in range(3)])
LABELS = [0] * 5 + [1] * 5 + [2] * 5


def colours(picture: bytes) -> set[tuple[int, int, int]]:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    return {colour for _, colour in image.getcolors(image.width * image.height)}


def test_the_same_embeddings_give_the_same_bytes() -> None:
    picture = embedding_map(VECTORS, LABELS)
    assert picture.startswith(b"\x89PNG")
    assert embedding_map(VECTORS.copy(), list(LABELS)) == picture


def test_labels_names_and_doubts_are_seen() -> None:
    plain = embedding_map(VECTORS, LABELS)
    named = embedding_map(VECTORS, LABELS, names=["Ada", "Bo", "話者"])
    doubtful = embedding_map(VECTORS, LABELS, confidence=[0.5] * 14 + [-0.1])
    other = embedding_map(VECTORS, LABELS[::-1])
    assert len({plain, named, doubtful, other}) == 4
    assert len(colours(plain)) > 3


@pytest.mark.parametrize("clips", [1, 2])
def test_few_clips_are_drawn_too(clips: int) -> None:
    assert embedding_map(VECTORS[:clips], [0] * clips).startswith(b"\x89PNG")


def test_lists_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="14 labels"):
        embedding_map(VECTORS, LABELS[1:])
    with pytest.raises(ValueError, match="1 confidences"):
        embedding_map(VECTORS, LABELS, confidence=[1.0])


def test_the_axes_are_those_of_the_widest_spread() -> None:
    places, shares = principal_axes(VECTORS)
    around = VECTORS - VECTORS.mean(axis=0, dtype=np.float64)
    assert places.shape == (15, 2)
    assert shares.sum() <= 1.0
    assert shares[0] >= shares[1]
    assert np.square(places).sum() == pytest.approx(shares.sum() * np.square(around).sum())
    near = np.linalg.norm(places[:5] - places[:5].mean(axis=0), axis=1).max()
    assert near < np.linalg.norm(places[:5].mean(axis=0) - places[5:10].mean(axis=0))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"sonant\[report\]"):
        embedding_map(VECTORS, LABELS)
