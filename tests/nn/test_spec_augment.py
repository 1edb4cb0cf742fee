"""Masks hide what they say, with the clip's mean, and depend on the item alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sonant.draws import Draws
from sonant.nn.spec_augment import spec_augment

BATCH, BINS, FRAMES = 200, 20, 49
ITEMS = np.arange(BATCH)
ALL = {
    "time_masks": 2,
    "time_mask_frames": 10,
    "freq_masks": 2,
    "freq_mask_bins": 5,
    "cutouts": 2,
    "cutout_frames": 8,
    "cutout_bins": 6,
}


@pytest.fixture
def features() -> Tensor:
    return torch.randn(BATCH, BINS, FRAMES, generator=torch.Generator().manual_seed(0)) - 3.0


def draws(*, items: np.ndarray = ITEMS, epoch: int = 0) -> Draws:
    return Draws(1, epoch, items)


def hidden(before: Tensor, after: Tensor) -> np.ndarray:
    return torch.ne(before, after).numpy()


def widths(mask: np.ndarray) -> np.ndarray:
    """Length of the one run of True in each row."""
    for row in mask:
        places = np.flatnonzero(row)
        assert len(places) == 0 or np.array_equal(places, np.arange(places[0], places[-1] + 1))
    counts: np.ndarray = np.count_nonzero(mask, axis=1)
    return counts


def test_nothing_asked_for_nothing_hidden(features: Tensor) -> None:
    assert torch.equal(spec_augment(features, draws()), features)
    assert torch.equal(spec_augment(features, draws(), time_masks=2, freq_masks=2), features)


def test_a_time_mask_hides_whole_frames_of_every_width_up_to_the_widest(features: Tensor) -> None:
    mask = hidden(features, spec_augment(features, draws(), time_masks=1, time_mask_frames=10))
    assert (np.all(mask, axis=1) == np.any(mask, axis=1)).all()
    assert np.unique(widths(np.any(mask, axis=1))).tolist() == list(range(11))
    assert np.any(mask, axis=(0, 1)).all()


def test_a_frequency_mask_hides_whole_bins_of_every_width_up_to_the_widest(
    features: Tensor,
) -> None:
    mask = hidden(features, spec_augment(features, draws(), freq_masks=1, freq_mask_bins=5))
    assert (np.all(mask, axis=2) == np.any(mask, axis=2)).all()
    assert np.unique(widths(np.any(mask, axis=2))).tolist() == list(range(6))
    assert np.any(mask, axis=(0, 2)).all()


def test_a_cutout_hides_a_rectangle(features: Tensor) -> None:
    settings = {"cutouts": 1, "cutout_frames": 8, "cutout_bins": 6}
    mask = hidden(features, spec_augment(features, draws(), **settings))
    frames, bins = np.any(mask, axis=1), np.any(mask, axis=2)
    assert (mask == (frames[:, None, :] & bins[:, :, None])).all()
    assert widths(frames).max() == 8
    assert widths(bins).max() == 6


def test_more_masks_hide_more(features: Tensor) -> None:
    one = hidden(features, spec_augment(features, draws(), time_masks=1, time_mask_frames=10))
    four = hidden(features, spec_augment(features, draws(), time_masks=4, time_mask_frames=10))
    assert (one <= four).all()
    assert four.mean() > 2.5 * one.mean()


def test_what_is_hidden_takes_the_mean_of_its_clip(features: Tensor) -> None:
    after = spec_augment(features, draws(), **ALL)
    mean = features.mean(dim=(1, 2), keepdim=True).expand_as(features)
    mask = after != features
    torch.testing.assert_close(after[mask], mean[mask])


def test_masks_wider_than_the_features_are_cut_to_their_size(features: Tensor) -> None:
    mask = hidden(features, spec_augment(features, draws(), time_masks=1, time_mask_frames=999))
    assert widths(np.any(mask, axis=1)).max() == FRAMES


def test_the_batch_does_not_matter(features: Tensor) -> None:
    whole = spec_augment(features, draws(), **ALL)
    back = spec_augment(features.flip(0), draws(items=ITEMS[::-1]), **ALL)
    torch.testing.assert_close(back.flip(0), whole, atol=1e-6, rtol=0)
    alone = spec_augment(features[7:8], draws(items=ITEMS[7:8]), **ALL)
    torch.testing.assert_close(alone, whole[7:8], atol=1e-6, rtol=0)


def test_another_epoch_hides_something_else(features: Tensor) -> None:
    first = hidden(features, spec_augment(features, draws(), **ALL))
    second = hidden(features, spec_augment(features, draws(epoch=1), **ALL))
    assert np.any(first != second, axis=(1, 2)).mean() > 0.95


def test_the_features_given_stay_as_they_are_and_gradients_pass(features: Tensor) -> None:
    before = features.clone()
    features.requires_grad_()
    (gradient,) = torch.autograd.grad(spec_augment(features, draws(), **ALL).sum(), features)
    assert torch.equal(features.detach(), before)
    # What is hidden hands its gradient to the mean of the clip, so none is lost.
    torch.testing.assert_close(gradient.sum(), torch.tensor(float(features.numel())))
