"""What of held-out recordings is compared, and the rates that follow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sonant.data.cache import ClipStore
from sonant.data.speaker_batches import SpeakerSplit
from sonant.recipe import Recipe
from sonant.tasks import speaker_scores
from sonant.tasks.speaker_scores import HeldOut, pieces_of
from tone_speakers import RATE_HZ, SPEAKERS_RECIPE

CPU = torch.device("cpu")


def split_of(lengths: list[int], speakers: list[int]) -> SpeakerSplit:
    """Recordings whose samples count up from 1."""
    starts = np.cumsum(lengths) - lengths
    return SpeakerSplit(
        store=ClipStore(
            pcm=np.concatenate([[], *(np.arange(1, n + 1) for n in lengths)]).astype(np.int16),
            starts=starts.astype(np.int64),
            lengths=np.array(lengths, np.int64),
            rate_hz=RATE_HZ,
        ),
        speakers=np.array(speakers, np.int64),
    )


def test_of_many_recordings_the_middle_of_each_and_of_one_alone_both_ends() -> None:
    found = pieces_of(split_of([100, 500, 40, 300], [0, 0, 0, 1]), longest=200, shortest=50)
    rows = list(zip(found.clips, found.starts, found.lengths, found.speakers, strict=True))
    assert rows == [
        (0, 0, 100, 0),
        (1, 150, 200, 0),
        (2, 0, 40, 0),
        (3, 0, 150, 1),
        (3, 150, 150, 1),
    ]
    assert found.halved == 1


def test_a_single_recording_too_short_for_two_is_one_piece() -> None:
    found = pieces_of(split_of([80, 80], [0, 1]), longest=200, shortest=50)
    assert found.lengths.tolist() == [80, 80]
    assert not found.has_both
    assert pieces_of(split_of([], []), longest=200, shortest=50).has_both is False


def test_above_the_most_pieces_every_speaker_keeps_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_scores, "MOST_PIECES", 8)
    found = pieces_of(split_of([10] * 40, [0] * 35 + [1] * 5), longest=200, shortest=50)
    assert np.bincount(found.speakers).tolist() == [4, 4]


class First(nn.Module):
    """An embedding that points where the first sample and the length of a piece say."""

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        angle = samples[:, 0, 0] * 32768 / 100
        assert all(not row[0, n:].any() for row, n in zip(samples, lengths.tolist(), strict=True))
        return torch.stack([angle.cos(), angle.sin()], 1)


def test_every_pair_is_a_trial_in_the_order_of_the_pieces_whatever_their_lengths() -> None:
    held = HeldOut(Recipe.load(SPEAKERS_RECIPE), split_of([9000, 50, 700, 60], [0, 0, 1, 1]))
    found = held.embeddings(First(), device=CPU)
    angles = np.array([3501, 1, 1, 1]) / 100  # half a second from the middle of the first
    np.testing.assert_allclose(found.numpy().T, [np.cos(angles), np.sin(angles)], atol=1e-5)
    scores, same = held.trials(found)
    assert same.tolist() == [True, False, False, False, False, True]
    np.testing.assert_allclose(scores[5], 1.0, atol=1e-6)
    np.testing.assert_allclose(scores[0], np.cos(35.0), atol=1e-5)


def test_perfect_embeddings_have_no_errors_and_blind_ones_are_a_coin() -> None:
    held = HeldOut(Recipe.load(SPEAKERS_RECIPE), split_of([100] * 6, [0, 0, 1, 1, 2, 2]))
    perfect = torch.eye(3)[torch.from_numpy(held.pieces.speakers)]
    assert held.figures(perfect) == {"eer": 0.0, "cosine": 0.0}
    assert held.figures(torch.ones(6, 1)) == pytest.approx({"eer": 0.5, "cosine": 1.0})


def test_it_says_what_is_of_one_session() -> None:
    recipe = Recipe.load(SPEAKERS_RECIPE)
    alone = HeldOut(recipe, split_of([4000, 4000], [0, 1])).describe()
    assert alone == (
        "compared are 4 pieces of 2 held-out speakers, 2 recordings of them in two pieces (one session)"
    )
    assert "session" not in HeldOut(recipe, split_of([100] * 4, [0, 0, 1, 1])).describe()
    assert HeldOut(recipe, split_of([100], [0])).describe().startswith("no pairs")
