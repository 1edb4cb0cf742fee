"""Pooling where only the frames under a mask count."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sonant.nn.pooling import (
    AttentiveStatistics,
    masked_mean,
    masked_statistics,
)

FRAMES = 12


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def masks(*lengths: int) -> Tensor:
    return (torch.arange(FRAMES) < torch.tensor(lengths)[:, None]).float()


@pytest.mark.parametrize("length", [2, 7, FRAMES])
def test_mean_and_deviation_are_those_of_the_real_frames(length: int) -> None:
    x, mask = noise(2, 3, FRAMES) + 5, masks(length, FRAMES)
    real = x[:1, :, :length]
    torch.testing.assert_close(masked_mean(x, mask)[:1], real.mean(-1))
    wanted = torch.cat([real.mean(-1), real.std(-1, correction=0)], 1)
    torch.testing.assert_close(masked_statistics(x, mask)[:1], wanted)


POOLS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": masked_mean,
    "statistics": masked_statistics,
    "attentive": AttentiveStatistics(3, attention=4).eval(),
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=list(POOLS))
@settings(max_examples=15, deadline=None)
@given(length=st.integers(1, FRAMES), behind=st.floats(-100, 100))
def test_what_stands_behind_the_mask_changes_nothing(
    pool: Callable[[Tensor, Tensor], Tensor], length: int, behind: float
) -> None:
    x, mask = noise(2, 3, FRAMES), masks(length, FRAMES)
    alone = x[:1, :, :length]
    x[0, :, length:] = behind
    with torch.no_grad():
        given, wanted = pool(x, mask)[:1], pool(alone, torch.ones(1, length))
    torch.testing.assert_close(given, wanted, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_attention_prefers_the_frames_that_score_high() -> None:
    pool = AttentiveStatistics(2, attention=1).eval()
    for weight in pool.parameters():
        nn.init.zeros_(weight)
    pool.norm.weight.fill_(1)
    x, mask = noise(1, 2, FRAMES), masks(FRAMES)
    torch.testing.assert_close(pool(x, mask), masked_statistics(x, mask))
    pool.inner.weight[:, 0] = 1
    pool.scores.weight.fill_(20)
    above = pool(x, mask)[0, 0] - masked_mean(x, mask)[0, 0]
    assert above > 0.3


def test_the_slope_is_finite_where_a_channel_does_not_vary() -> None:
    x = torch.ones(1, 2, FRAMES, requires_grad=True)
    masked_statistics(x, masks(5)).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
