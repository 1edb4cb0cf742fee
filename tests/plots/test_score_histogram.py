"""Scores of both kinds as a picture."""

from __future__ import annotations

import numpy as np

from sonant.plots import DARK
from sonant.plots.score_histogram import score_histogram


def test_the_same_scores_give_the_same_picture_and_others_another() -> None:
    same = np.arange(200) % 2 == 0
    scores = np.random.default_rng(0).normal(0, 1, 200) + 2 * same
    picture = score_histogram(scores, same, label="cosine")
    assert picture.startswith(b"\x89PNG")
    assert picture == score_histogram(scores, same, label="cosine")
    assert picture != score_histogram(-scores, same, label="cosine")
    assert picture != score_histogram(scores, same, label="cosine", threshold=1.0)
    assert picture != score_histogram(scores, same, label="cosine", theme=DARK)


def test_infinite_scores_and_a_missing_kind_can_be_drawn() -> None:
    picture = score_histogram([np.inf, 1.0, 2.0], [True, True, True], label="LLR")
    assert picture == score_histogram([1.0, 2.0], [True, True], label="LLR")
