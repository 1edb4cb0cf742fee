"""Sub-spectral norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import ModelError
from sonant.nn.norms import SubSpectralNorm


def test_each_band_of_bins_has_a_batch_norm_of_its_own() -> None:
    torch.manual_seed(0)
    norm = SubSpectralNorm(3, bands=2)
    nn.init.normal_(norm.norm.weight)
    nn.init.normal_(norm.norm.bias)
    x = torch.randn(4, 3, 10, 7)
    y = norm(x)
    for band in range(2):
        alone = nn.BatchNorm2d(3)
        alone.weight.data = norm.norm.weight.data[band::2]
        alone.bias.data = norm.norm.bias.data[band::2]
        bins = slice(5 * band, 5 * band + 5)
        torch.testing.assert_close(y[:, :, bins], alone(x[:, :, bins]))


def test_it_has_a_scale_and_a_shift_for_each_channel_and_band() -> None:
    assert sum(weight.numel() for weight in SubSpectralNorm(8, bands=5).parameters()) == 80


def test_in_evaluation_every_frame_is_treated_alike() -> None:
    norm = SubSpectralNorm(2, bands=2)
    norm(torch.randn(4, 2, 6, 9))
    norm.eval()
    x = torch.randn(1, 2, 6, 9)
    torch.testing.assert_close(norm(x)[..., 3:4], norm(x[..., 3:4]))


def test_bands_that_do_not_divide_the_bins_are_refused() -> None:
    with pytest.raises(ModelError, match=r"4 bands over 10 bins"):
        SubSpectralNorm(3, bands=4)(torch.zeros(1, 3, 10, 5))
