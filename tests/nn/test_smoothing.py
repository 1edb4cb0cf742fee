"""Smoothing in blocks is the loop over frames that it replaces."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sonant.nn.smoothing import BLOCK, smoothed


def values(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def by_hand(x: Tensor, before: Tensor, share: float) -> Tensor:
    frames, level = [], before.double()
    for frame in x.double().unbind(1):
        level = (1 - share) * level + share * frame
        frames.append(level)
    return torch.stack(frames, 1)


@pytest.mark.parametrize("frames", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 1000, BLOCK * BLOCK + 1])
@pytest.mark.parametrize("share", [0.001, 0.025, 0.5, 1.0])
def test_blocks_give_what_frame_by_frame_gives(frames: int, share: float) -> None:
    x, before = values(2, frames, 3) * 100, values(2, 3)
    wanted = by_hand(x, before, share)
    torch.testing.assert_close(smoothed(x, before, share=share).double(), wanted, rtol=1e-5, atol=0)


def test_ten_minutes_keep_their_digits() -> None:
    x, before = values(1, 60_000, 2), torch.zeros(1, 2)
    wanted = by_hand(x, before, 0.025)
    torch.testing.assert_close(smoothed(x, before, share=0.025).double(), wanted, rtol=1e-5, atol=0)


def test_gradients_flow_over_the_ends_of_blocks() -> None:
    x = values(1, BLOCK + 2, 1).requires_grad_()
    last = smoothed(x, torch.zeros(1, 1), share=0.5)[0, -1, 0]
    (slope,) = torch.autograd.grad(last, x)
    assert slope[0, -3:, 0].tolist() == pytest.approx([0.125, 0.25, 0.5])
