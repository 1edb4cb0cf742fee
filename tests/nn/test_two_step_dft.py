"""A transform in two small products is the transform, there and back, whatever the window and its hop."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sonant.nn.spectrum import window
from sonant.nn.two_step_dft import Back, Split, There
from sounds import white

SIZES = [(64, 16), (64, 32), (48, 8), (60, 10), (30, 5), (44, 11), (12, 3)]


def spectra(batch: int, bins: int, frames: int) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(batch, 2 * bins, frames, generator=draw)


@pytest.mark.parametrize(("length", "hop"), SIZES)
def test_spectra_are_those_of_the_fast_transform(length: int, hop: int) -> None:
    weights, sound = window("hann", length), white(2, length=length + 6 * hop)
    wanted = torch.fft.rfft(sound.unfold(-1, length, hop) * torch.from_numpy(weights).float())
    found = There(weights, hop)(sound.unsqueeze(1))
    wanted_parts = torch.cat([wanted.real, wanted.imag], -1).transpose(1, 2)
    torch.testing.assert_close(found, wanted_parts, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("length", "hop"), SIZES)
def test_sound_is_that_of_the_fast_transform_overlapped_and_added(length: int, hop: int) -> None:
    weights, given = window("hann", length), spectra(2, length // 2 + 1, 5)
    real, imaginary = given.transpose(1, 2).chunk(2, -1)
    windows = torch.fft.irfft(torch.complex(real, imaginary), n=length)
    wanted = torch.zeros(2, 4 * hop + length)
    for frame in range(5):
        wanted[:, frame * hop : frame * hop + length] += (
            windows[:, frame] * torch.from_numpy(weights).float()
        )
    torch.testing.assert_close(Back(weights, hop)(given)[:, 0], wanted, atol=1e-5, rtol=0)


def test_1024_points_take_a_tenth_of_the_products_of_one_matrix() -> None:
    split = Split.of(1024, 256)
    assert split == (32, 32)
    outer = split.inner * 2 * split.half * split.outer
    inner = split.half * (2 * split.inner) ** 2
    assert outer + inner < 0.1 * 1024 * 2 * 513


def test_rows_of_the_inner_transform_are_whole_in_a_hop() -> None:
    for length, hop in SIZES:
        outer, inner = Split.of(length, hop)
        assert outer * inner == length
        assert hop % inner == 0


def test_weights_of_a_network_do_not_hold_the_matrices() -> None:
    assert There(window("hann", 64), 16).state_dict() == {}
    assert Back(window("hann", 64), 16).state_dict() == {}
