"""BC-ResNet on whole clips."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from settled import settled
from sonant.errors import ModelError, RecipeError
from sonant.models import build
from sonant.models.bc_resnet import BCResNet, BCResNetConfig, Block

PUBLISHED = {
    0.625: 4_585,
    1.0: 9_232,
    1.5: 17_154,
    2.0: 27_284,
    3.0: 54_168,
    6.0: 187_812,
    8.0: 321_068,
}


def built(width: float = 0.5) -> BCResNet:
    torch.manual_seed(0)
    network = build(BCResNetConfig(width=width), bins=40, frames=21, labels=12)
    assert isinstance(network, BCResNet)
    settled(network, torch.randn(2, 40, 21))
    return network


@pytest.mark.parametrize(("width", "parameters"), PUBLISHED.items())
def test_every_width_has_its_published_number_of_parameters(width: float, parameters: int) -> None:
    assert sum(weight.numel() for weight in built(width).parameters()) == parameters


def test_blocks_have_the_shapes_of_table_1() -> None:
    network, image = built(1.0), torch.zeros(1, 1, 40, 21)
    shapes = [tuple((image := layer(image)).shape[1:]) for layer in (network.head, *network.blocks)]
    assert shapes == [
        (16, 20, 21),
        *[(8, 20, 21)] * 2,
        *[(12, 10, 21)] * 2,
        *[(16, 5, 21)] * 4,
        *[(20, 5, 21)] * 4,
    ]
    assert network.tail(image).shape == (1, 32, 1, 21)


def test_convolutions_in_time_reach_1_2_4_8_frames_to_both_sides() -> None:
    convs = [part for part in built().modules() if isinstance(part, nn.Conv1d) and part.groups > 1]
    reached = [(conv.dilation, conv.padding) for conv in convs]
    assert reached == [
        ((gap,), (gap,)) for gap, blocks in ((1, 2), (2, 2), (4, 4), (8, 4)) for _ in range(blocks)
    ]


def test_what_one_bin_says_is_heard_in_all_bins_of_its_neighbours() -> None:
    block = Block(4, 4, stride=1, dilation=2, dropout=0.0).eval()
    still = torch.zeros(1, 4, 10, 9)
    moved = still.clone()
    moved[..., 0, 4] = 1.0
    with torch.no_grad():
        changed = (
            block.time(block.frequency(moved).mean(2)) != block.time(block.frequency(still).mean(2))
        ).any(1)
        nearby = (block(moved) != block(still)).any(1)[0]
    assert changed[0].nonzero().flatten().tolist() == [2, 4, 6]
    assert not nearby[:, [0, 1, 3, 5, 7, 8]].any()
    assert nearby[:, [2, 4, 6]].any()


def test_the_shortcut_is_left_out_where_the_width_changes() -> None:
    for inputs, keeps in ((4, True), (6, False)):
        block = Block(inputs, 4, stride=1, dilation=1, dropout=0.0).eval()
        for name in ("frequency.0.weight", "time.3.weight"):
            nn.init.zeros_(block.get_parameter(name))
        image = torch.rand(2, inputs, 10, 5)
        assert torch.equal(block(image), image if keeps else torch.zeros(2, 4, 10, 5))


def test_any_number_of_frames_will_do() -> None:
    assert built()(torch.randn(2, 40, 33)).shape == (2, 12)


def test_bins_that_cannot_be_cut_into_bands_are_refused() -> None:
    with pytest.raises(ModelError, match=r"64 bins leave 32 .* 5 bands .* multiple of 40"):
        build(BCResNetConfig(), bins=64, frames=98, labels=2)


@pytest.mark.parametrize("width", [0.0, -1.0, 0.7])
def test_a_width_without_whole_channels_is_refused(width: float) -> None:
    with pytest.raises(RecipeError, match=r"multiple of 0\.125"):
        BCResNetConfig(width=width)
