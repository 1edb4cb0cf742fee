"""MixedNet: depthwise convolutions of several lengths side by side."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from settled import settled
from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.mixednet import End, MixedConv, MixedNet, MixedNetConfig
from sonant.nn.streaming import Session


def built(config: MixedNetConfig, *, frames: int = 60) -> MixedNet:
    torch.manual_seed(0)
    network = build(config, bins=40, frames=frames, labels=2)
    assert isinstance(network, MixedNet)
    settled(network, torch.randn(4, 40, 90))
    return network


def test_the_default_has_28450_parameters() -> None:
    """6,400 of the first convolution, 17,824 of four blocks, 4,226 of the dense layer."""
    network = built(MixedNetConfig(), frames=99)
    assert sum(weight.numel() for weight in network.parameters()) == 6_400 + 17_824 + 4_226


@pytest.mark.parametrize("end", ["flatten", "mean", "max"])
@pytest.mark.parametrize("residual", [False, True])
def test_a_session_gives_what_the_whole_signal_gives_every_3_frames(
    end: End, residual: bool
) -> None:
    config = MixedNetConfig(end=end, residual=(residual,) * 4, repeats=(1, 2, 1, 1))
    network, features = built(config), torch.randn(1, 40, 90)
    with torch.no_grad():
        whole = network(features)
    assert whole.std(-1).max() > 0.01, "an answer that moves"
    session = Session(network, shape=(40,))
    pushed = torch.cat(
        [session.push(piece) for piece in torch.split(features, [2, 40, 48], -1)], -1
    )
    assert whole.shape == (1, 2, 30)
    torch.testing.assert_close(pushed, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.last(features), whole[..., -1:], atol=1e-5, rtol=0)


def test_each_share_of_the_channels_has_its_own_kernel_and_all_end_with_the_same_frame() -> None:
    layer = MixedConv(7, (2, 4, 3))
    assert layer.shares == [3, 2, 2]
    assert (layer.span, layer.hop, layer.delay) == (4, 1, 0)
    still = torch.zeros(1, 7, 12)
    moved = still.clone()
    moved[..., 5] = 1
    with torch.no_grad():
        reached = (layer(moved) != layer(still))[0]
    last = [int(channel.nonzero().max()) for channel in reached]
    first = [int(channel.nonzero().min()) for channel in reached]
    assert first == [5] * 7
    assert last == [6, 6, 6, 8, 8, 7, 7]


def test_a_clip_of_no_whole_number_of_hops_has_silence_before_it() -> None:
    network, features = built(MixedNetConfig()), torch.randn(1, 40, 31)
    with torch.no_grad():
        padded = network.last(torch.nn.functional.pad(features, (2, 0)))
    torch.testing.assert_close(network.last(features), padded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": (64,) * 3}, "filters has 3, repeats has 4"),
        ({"kernels": ((5,), (7, 11), (9, 15), ())}, "each a kernel"),
        ({"kernels": ((5,), (7, 0), (9, 15), (23,))}, "kernels: 0 is not above 0"),
        ({"stride": 0}, "stride: 0 is not above 0"),
        ({"end": "sum"}, "'sum' is not one of flatten, mean, max"),
        ({"first_filters": 1, "kernels": ((5, 7), (7,), (9,), (23,))}, "2 of them cannot share 1"),
    ],
)
def test_lists_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        MixedNetConfig(**change)
