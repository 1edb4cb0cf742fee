"""Masks on the features of a batch, as a recipe asks for them."""

from __future__ import annotations

from functools import partial

from sonant.data.augment_config import AugmentConfig
from sonant.draws import Draws
from sonant.models.classifier import Vary
from sonant.nn.spec_augment import spec_augment


def masks(augment: AugmentConfig, draws: Draws) -> Vary | None:
    """What masks the features of the items of `draws`; None where no mask is asked for."""
    if not (augment.time_masks or augment.freq_masks or augment.cutouts):
        return None
    return partial(
        spec_augment,
        draws=draws,
        time_masks=augment.time_masks,
        time_mask_frames=augment.time_mask_frames,
        freq_masks=augment.freq_masks,
        freq_mask_bins=augment.freq_mask_bins,
        cutouts=augment.cutouts,
        cutout_frames=augment.cutout_frames,
        cutout_bins=augment.cutout_bins,
    )
