"""Causal convolutions and pooling against torch's own on padded signals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.layers import AvgPool, Conv1d, Conv2d, ConvTranspose1d, MaxPool
from sonant.nn.streaming import named_leaves


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 6),
    dilation=st.integers(1, 3),
    groups=st.sampled_from([1, 2]),
)
def test_a_convolution_is_that_of_the_signal_with_silence_before_it(
    kernel: int, stride: int, dilation: int, groups: int
) -> None:
    layer = Conv1d(4, 6, kernel, stride=stride, dilation=dilation, groups=groups)
    x = noise(2, 4, 4 * stride)
    span = (kernel - 1) * dilation + 1
    # Each window ends with its hop: silence so long that the first hop is the first window's end.
    silence = F.pad(x, (max(0, span - stride), 0))[..., max(0, stride - span) :]
    wanted = F.conv1d(
        silence, layer.conv.weight, layer.conv.bias, stride, dilation=dilation, groups=groups
    )
    torch.testing.assert_close(layer(x), wanted)
    assert (layer.hop, layer.delay, layer.receptive_field) == (stride, 0, span)


@pytest.mark.parametrize("lookahead", [0, 1, 2, 3, 4])
def test_looking_ahead_is_the_centred_convolution_so_many_frames_later(lookahead: int) -> None:
    layer = Conv1d(2, 3, 5, lookahead=lookahead)
    x = noise(1, 2, 20)
    centred = F.conv1d(F.pad(x, (4 - lookahead, lookahead)), layer.conv.weight, layer.conv.bias)
    y = layer(x)
    torch.testing.assert_close(y[..., layer.delay :], centred[..., : 20 - lookahead])


@pytest.mark.parametrize("pad_bins", [0, 1, 2])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_pairs_are_time_and_frequency(pad_bins: int, stride: tuple[int, int]) -> None:
    layer = Conv2d(2, 3, (4, 3), bins=9, stride=stride, dilation=(1, 2), pad_bins=pad_bins)
    assert layer.conv.weight.shape == (3, 2, 3, 4)
    x = noise(2, 2, 9, 12)
    wanted = F.conv2d(
        F.pad(x, (4 - stride[0], 0, pad_bins, pad_bins)),
        layer.conv.weight,
        layer.conv.bias,
        stride[::-1],
        dilation=(2, 1),
    )
    torch.testing.assert_close(layer(x), wanted)
    assert wanted.shape[2] == layer.bins_out


def test_a_kernel_longer_than_the_bins_is_refused() -> None:
    with pytest.raises(ModelError, match=r"over 7 bins, but there are 4 with 1 more at each end"):
        Conv2d(1, 1, (3, 4), bins=4, dilation=(1, 2), pad_bins=1)
    assert Conv2d(1, 1, (3, 4), bins=5, dilation=(1, 2), pad_bins=1).bins_out == 1


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_transposed_convolution_is_that_of_the_whole_without_what_reaches_past_the_end(
    kernel: int, stride: int
) -> None:
    layer = ConvTranspose1d(2, 3, kernel, stride=stride)
    torch.nn.init.normal_(layer.bias)
    x = noise(2, 2, 5)
    whole = F.conv_transpose1d(x, layer.conv.weight, layer.bias, stride)
    y = layer(x)
    assert y.shape == (2, 3, 5 * stride)
    ends = min(5 * stride, whole.shape[-1])
    torch.testing.assert_close(y[..., :ends], whole[..., :ends])
    # Where the kernel leaves places out, there is the bias.
    assert torch.equal(y[..., ends:], layer.bias[:, None].expand_as(y[..., ends:]))


@pytest.mark.parametrize(("kernel", "stride"), [(0, 1), (3, 0)])
def test_a_transposed_convolution_wants_a_kernel_and_a_stride(kernel: int, stride: int) -> None:
    with pytest.raises(ModelError, match="want both above 0"):
        ConvTranspose1d(1, 1, kernel, stride=stride)


def test_pooling_is_over_the_frames_that_end_with_each_hop() -> None:
    x = torch.tensor([[[1.0, 5, 3, 4, 8, 6]]])
    assert AvgPool([1], 3)(x).flatten().tolist() == pytest.approx([1 / 3, 2, 3, 4, 5, 6])
    assert AvgPool([1], 2, stride=2)(x).flatten().tolist() == [3, 3.5, 7]
    assert AvgPool([1], 2, stride=3)(x).flatten().tolist() == [4, 7]
    assert MaxPool([1], 3, stride=2)(x).flatten().tolist() == [5, 5, 8]


def test_pooling_leaves_bins_alone() -> None:
    x = noise(2, 3, 4, 6)
    for bin_ in range(4):
        for pool in (AvgPool, MaxPool):
            both, one = pool([3, 4], 3, stride=2), pool([3], 3, stride=2)
            torch.testing.assert_close(both(x)[:, :, bin_], one(x[:, :, bin_]))


def test_a_maximum_hears_silence_before_the_beginning() -> None:
    assert MaxPool([1], 3)(torch.full((1, 1, 4), -1.0)).flatten().tolist() == [0, 0, -1, -1]


@pytest.mark.parametrize(
    ("layer", "kept"),
    [
        (Conv1d(2, 3, 3, dilation=2), (1, 2, 4)),
        (Conv1d(2, 3, 3, stride=2), (1, 2, 1)),
        (Conv2d(2, 3, (3, 3), bins=5), (1, 2, 5, 2)),
        (ConvTranspose1d(2, 3, 5, stride=2), (1, 3, 3)),
        (AvgPool([2, 5], 4, stride=2), (1, 2, 5, 2)),
    ],
)
def test_a_state_is_as_long_as_windows_overlap(
    layer: Conv1d | Conv2d | ConvTranspose1d | AvgPool, kept: tuple[int, ...]
) -> None:
    (leaf,) = named_leaves(layer.initial_state(torch.zeros(1, 2, 5))).values()
    assert leaf.shape == kept


@pytest.mark.parametrize(
    "layer",
    [Conv1d(2, 3, 1), Conv1d(2, 3, 2, stride=3), ConvTranspose1d(2, 3, 2, stride=2)],
)
def test_where_nothing_overlaps_there_is_no_state(layer: Conv1d | ConvTranspose1d) -> None:
    assert layer.initial_state(torch.zeros(1, 2, 5)) == ()
