"""Layers over a sliding window against what they say of each window."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.streaming import Streamable
from sonant.nn.windows import (
    PIECE,
    SqueezeExcite,
    WindowAttention,
    WindowDense,
    WindowFlatten,
    WindowMax,
    WindowMean,
)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def windows(x: Tensor, frames: int) -> Tensor:
    """The last `frames` frames at every frame, behind silence: [..., frame, frames]."""
    return F.pad(x, (frames - 1, 0)).unfold(-1, frames, 1)


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_mean_and_maximum_are_those_of_each_window(shape: tuple[int, ...]) -> None:
    x = noise(2, *shape, 20)
    torch.testing.assert_close(WindowMean(shape, 6)(x), windows(x, 6).mean(-1))
    torch.testing.assert_close(WindowMax(shape, 6)(x), windows(x, 6).amax(-1))


def test_a_window_is_flattened_through_channels_then_bins_then_time() -> None:
    x = noise(2, 3, 4, 5)
    y = WindowFlatten([3, 4], 5)(x)
    assert y.shape == (2, 60, 5)
    assert torch.equal(y[..., -1], x.flatten(1))
    assert torch.equal(WindowFlatten([3, 4], 5).last(x)[..., 0], x.flatten(1))


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_dense_over_a_window_is_flatten_and_dense(shape: tuple[int, ...]) -> None:
    x = noise(2, *shape, 20)
    dense = WindowDense(shape, 4, 6)
    flat = WindowFlatten(shape, 6)(x).transpose(1, 2)
    wanted = F.linear(flat, dense.dense.weight.flatten(1), dense.dense.bias)
    torch.testing.assert_close(dense(x), wanted.transpose(1, 2))


def attended(layer: WindowAttention, x: Tensor) -> Tensor:
    """By torch's own attention over all frames at once."""
    heads = [
        part.unflatten(1, (layer.heads, -1)).transpose(2, 3)
        for part in layer.project(x).chunk(3, 1)
    ]
    frames = x.shape[-1]
    near = torch.ones(frames, frames, dtype=torch.bool).tril().triu(1 - layer.window)
    answer = F.scaled_dot_product_attention(*heads, attn_mask=near)
    merged: Tensor = layer.merge(answer.transpose(2, 3).flatten(1, 2))
    return merged


@pytest.mark.parametrize("window", [2, 7, 30, PIECE + 3])
@pytest.mark.parametrize("frames", [1, 20, 2 * PIECE + 9])
def test_a_frame_attends_to_itself_and_to_the_window_before_it(window: int, frames: int) -> None:
    layer = WindowAttention(8, heads=2, window=window)
    x = noise(2, 8, frames)
    torch.testing.assert_close(layer(x), attended(layer, x), atol=1e-5, rtol=1e-5)


def test_frames_before_the_beginning_are_not_attended_to() -> None:
    layer = WindowAttention(4, heads=1, window=10)
    x = noise(1, 4, 1)
    own = layer.merge(layer.project(x).chunk(3, 1)[2])
    torch.testing.assert_close(layer(x), own)


def test_a_long_signal_is_never_multiplied_with_all_of_itself() -> None:
    layer = WindowAttention(4, heads=2, window=50)
    largest = 0

    class Watched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            nonlocal largest
            largest = max(largest, x.shape[-1])
            return x

    layer.merge = Watched()
    assert layer(noise(1, 4, 5000)).shape == (1, 4, 5000)
    assert largest == PIECE


@pytest.mark.parametrize(("heads", "window"), [(3, 5), (0, 5), (2, 1)])
def test_attention_that_cannot_be_is_refused(heads: int, window: int) -> None:
    with pytest.raises(ModelError, match="heads that divide the channels"):
        WindowAttention(8, heads=heads, window=window)


@pytest.mark.parametrize("shape", [(6,), (6, 3)])
def test_squeeze_and_excite_scales_by_what_the_window_holds(shape: tuple[int, ...]) -> None:
    layer = SqueezeExcite(shape, reduction=3, frames=4)
    assert layer.reduce.weight.shape == (2, 6, 1)
    x = noise(2, *shape, 9)
    means = windows(x, 4).mean(-1)
    squeezed = means if len(shape) == 1 else means.mean(2)
    hidden = F.relu(F.conv1d(squeezed, layer.reduce.weight, layer.reduce.bias))
    gate = torch.sigmoid(F.conv1d(hidden, layer.expand.weight, layer.expand.bias))
    torch.testing.assert_close(layer(x), x * gate.view(2, 6, *[1] * (len(shape) - 1), 9))


@pytest.mark.parametrize(
    "layer",
    [
        WindowMean([4], 5),
        WindowMax([4], 5),
        WindowFlatten([4], 5),
        WindowDense([4], 2, 5),
        WindowAttention(4, heads=2, window=5),
        SqueezeExcite([4], reduction=2, frames=5),
    ],
)
def test_the_last_answer_looks_at_the_last_window_only(layer: Streamable) -> None:
    x = noise(1, 4, 12)
    spoilt = x.clone()
    spoilt[..., :7] = torch.nan
    torch.testing.assert_close(layer.last(spoilt), layer(x)[..., -1:])
