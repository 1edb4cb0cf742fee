"""SpecAugment and cutout: parts of the features hidden in training, a whole batch at once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonant.draws import Draws


def spec_augment(
    features: Tensor,
    draws: Draws,
    *,
    time_masks: int = 0,
    time_mask_frames: int = 0,
    freq_masks: int = 0,
    freq_mask_bins: int = 0,
    cutouts: int = 0,
    cutout_frames: int = 0,
    cutout_bins: int = 0,
) -> Tensor:
    """Hide stripes of frames, stripes of bins, and rectangles of both; returns a new tensor.

    `features` is [batch, bins, frames], row by row the items of `draws`. Each of the `time_masks`
    hides 0 to `time_mask_frames` frames of all bins, each of the `freq_masks` 0 to `freq_mask_bins`
    bins of all frames, each of the `cutouts` 0 to `cutout_bins` bins by 0 to `cutout_frames`
    frames: widths and places uniform, masks wider than the features cut to their size. What is
    hidden takes the mean of the clip's own features, which says nothing in any scale; zero would be
    loud in decibels. Source: Park et al. 2019, "SpecAugment", section 2, without time warping;
    DeVries and Taylor 2017, "Cutout".
    """
    _, bins, frames = features.shape
    in_time = _spans(draws, "time_mask", count=time_masks, widest=time_mask_frames, length=frames)
    in_bins = _spans(draws, "freq_mask", count=freq_masks, widest=freq_mask_bins, length=bins)
    hidden = np.any(in_time[:, :, None, :], axis=1) | np.any(in_bins[:, :, :, None], axis=1)
    if cutouts:
        wide = _spans(draws, "cutout_frames", count=cutouts, widest=cutout_frames, length=frames)
        high = _spans(draws, "cutout_bins", count=cutouts, widest=cutout_bins, length=bins)
        hidden |= np.any(wide[:, :, None, :] & high[:, :, :, None], axis=1)
    mask = torch.from_numpy(hidden).to(features.device)
    return torch.where(mask, features.mean(dim=(1, 2), keepdim=True), features)


def _spans(draws: Draws, name: str, *, count: int, widest: int, length: int) -> NDArray[np.bool_]:
    """Which positions each mask covers, [items, count, length]."""
    width = draws.integers(f"{name}.width", 0, min(widest, length) + 1, size=count)
    first = draws.integers(f"{name}.first", 0, length - width + 1, size=count)
    position = np.arange(length)
    after = position >= first[:, :, None]
    return after & (position < (first + width)[:, :, None])
