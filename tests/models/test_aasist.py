"""AASIST and its small form."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import ModelError, RecipeError
from sonant.models.aasist import Aasist, AasistConfig

LIGHT: dict[str, Any] = {
    "channels": (32, 32, 24, 24, 24, 24),
    "graph": 24,
    "pools": (0.4, 0.5, 0.7),
}


@pytest.mark.parametrize(("settings", "parameters"), [({}, 297_866), (LIGHT, 85_306)])
def test_it_has_the_parameters_that_its_authors_give(
    settings: dict[str, Any], parameters: int
) -> None:
    """Both figures: README of github.com/clovaai/aasist."""
    with torch.device("meta"):
        network = Aasist(AasistConfig(**settings), bins=70)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


@torch.no_grad()
def test_published_clips_become_23_bands_and_29_frames() -> None:
    network = Aasist(AasistConfig(channels=(2, 2, 3, 3, 3, 3), graph=4, joint=3), bins=70).eval()
    shapes = []
    network.blocks.register_forward_hook(lambda module, given, found: shapes.append(found.shape))
    frames = 64_600 - 128
    assert network(torch.randn(1, 70, frames), torch.ones(1, frames)).shape == (1, 2)
    assert shapes == [(1, 3, 23, 29)]


@torch.no_grad()
def test_the_fewest_frames_are_enough_and_one_less_is_not() -> None:
    network = Aasist(AasistConfig(channels=(2, 3), graph=4, joint=3), bins=6).eval()
    assert network.least_frames == 27
    assert network(torch.randn(1, 6, 27), torch.ones(1, 27)).shape == (1, 2)
    with pytest.raises(RuntimeError):
        network(torch.randn(1, 6, 26), torch.ones(1, 26))


def test_every_weight_is_used() -> None:
    torch.manual_seed(0)
    network = Aasist(AasistConfig(channels=(2, 3), graph=4, joint=3), bins=9)
    logits = network(torch.randn(4, 9, 120), torch.ones(4, 120))
    logits.square().sum().backward()
    unused = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert not unused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": ()}, "channels: empty"),
        ({"graph": 0}, "graph: 0"),
        ({"pools": (0.5, 0.0, 0.5)}, "pools"),
        ({"temperatures": (2.0, -1.0, 1.0)}, "temperatures"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_settings_that_make_no_network_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        AasistConfig(**change)


def test_too_few_bands_are_refused() -> None:
    with pytest.raises(ModelError, match="2 bands are fewer than 3"):
        Aasist(AasistConfig(), bins=2)
