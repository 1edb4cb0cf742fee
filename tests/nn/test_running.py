"""Statistics over all that a stream has heard so far."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sonant.nn.pooling import masked_statistics
from sonant.nn.running import RunningCentre, RunningStatistics


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_every_frame_has_the_statistics_of_all_frames_up_to_it(offset: float) -> None:
    x = noise(2, 3, 30) + offset
    y = RunningStatistics(3)(x)
    limit = 1e-5 * max(1.0, offset)
    for frames in (2, 11, 30):
        wanted = masked_statistics(x[..., :frames], torch.ones(2, frames))
        torch.testing.assert_close(y[..., frames - 1], wanted, atol=30 * limit, rtol=1e-4)


def test_a_stream_at_a_large_offset_loses_no_digits_once_it_knows_its_mean() -> None:
    layer, x = RunningStatistics(3), noise(1, 3, 400) + 1000
    y, state = layer.step(x[..., :1], layer.initial_state(x))
    for piece in x[..., 1:].split(7, -1):
        y, state = layer.step(piece, state)
    torch.testing.assert_close(
        y[:, 3:, -1], x.double().std(-1, correction=0).float(), rtol=1e-3, atol=0
    )


def test_the_last_frame_alone_is_the_last_frame() -> None:
    layer, x = RunningStatistics(3), noise(2, 3, 30)
    torch.testing.assert_close(layer.last(x), layer(x)[..., -1:], atol=1e-5, rtol=0)


def test_a_frame_is_centred_by_itself_and_what_came_before() -> None:
    x = noise(2, 3, 30)
    y = RunningCentre(3)(x)
    assert not y[..., 0].any()
    for frame in (1, 12, 29):
        wanted = x[..., frame] - x[..., : frame + 1].mean(-1)
        torch.testing.assert_close(y[..., frame], wanted, atol=1e-5, rtol=0)
