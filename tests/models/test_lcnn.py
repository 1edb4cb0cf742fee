"""LFCC-LCNN."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import ModelError, RecipeError
from sonant.models.lcnn import Lcnn, LcnnConfig, maximum_of_halves


def test_it_has_the_weights_of_the_asvspoof_2021_baseline_and_a_second_answer() -> None:
    """The baseline's code makes 269,729, about 270k; its one answer has 97 of them."""
    with torch.device("meta"):
        network = Lcnn(LcnnConfig(), bins=60)
    assert sum(weight.numel() for weight in network.parameters()) == 269_729 + 97


def test_the_larger_of_two_halves_stays() -> None:
    x = torch.tensor([1.0, -2.0, 0.5, 4.0]).view(1, 4, 1, 1)
    assert maximum_of_halves(x).flatten().tolist() == [1.0, 4.0]


@torch.no_grad()
def test_frames_behind_a_clip_are_silence_to_every_layer() -> None:
    torch.manual_seed(0)
    network = Lcnn(LcnnConfig(channels=(4, 4, 4, 4, 6, 6, 4, 4, 4)), bins=24).eval()
    features = torch.randn(2, 24, 70)
    mask = (torch.arange(70) < torch.tensor([[70], [37]])).float()
    spoiled = features * mask.unsqueeze(1)
    alone = network(features[1:, :, :37], torch.ones(1, 37))
    torch.testing.assert_close(network(spoiled, mask)[1:], alone)


@torch.no_grad()
def test_sixteen_frames_are_enough() -> None:
    network = Lcnn(LcnnConfig(), bins=60).eval()
    assert network(torch.randn(1, 60, 16), torch.ones(1, 16)).shape == (1, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": (32,) * 8}, "8 values for 9 layers"),
        ({"channels": (0, *(32,) * 8)}, "channels: 0"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_settings_that_make_no_network_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        LcnnConfig(**change)


def test_too_few_bins_are_refused() -> None:
    with pytest.raises(ModelError, match="32 channels of 15 / 16 bins"):
        Lcnn(LcnnConfig(), bins=15)
