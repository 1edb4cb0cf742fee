"""ResCNN of Deep Speaker."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from sonant.errors import RecipeError
from sonant.models.rescnn import ResCNN, ResCNNConfig


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def on_meta(config: ResCNNConfig) -> ResCNN:
    with torch.device("meta"):
        return ResCNN(config, bins=64)


def test_it_has_the_24172288_parameters_of_deep_speaker() -> None:
    assert parameters(on_meta(ResCNNConfig())) == 24_172_288


def test_three_stages_are_the_cut_of_7m_parameters() -> None:
    assert parameters(on_meta(ResCNNConfig(stages=(64, 128, 256)))) == 6_728_960


def test_the_width_is_a_factor_of_all_channels() -> None:
    assert ResCNNConfig(width=0.25).channels == (16, 32, 64, 128)
    assert ResCNNConfig(width=0.001).channels == (1, 1, 1, 1)


@torch.no_grad()
def test_stages_halve_bins_and_frames_as_published() -> None:
    network = ResCNN(ResCNNConfig(blocks=0, width=0.125), bins=64).eval()
    x, mask = torch.rand(1, 1, 64, 160), torch.ones(1, 160)
    shapes = []
    for stage in network.stages:
        x, mask = stage(x, mask)
        shapes.append(tuple(x.shape[1:]))
        assert mask.shape == (1, x.shape[-1])
    assert shapes == [(8, 32, 80), (16, 16, 40), (32, 8, 20), (64, 4, 10)]


@torch.no_grad()
@pytest.mark.parametrize(("frames", "left"), [(1, 1), (2, 1), (3, 2), (16, 8), (17, 9)])
def test_any_number_of_frames_is_halved_and_rounded_up(frames: int, left: int) -> None:
    stage = ResCNN(ResCNNConfig(stages=(2,), blocks=1), bins=9).eval().stages[0]
    x, mask = stage(torch.rand(1, 1, 9, frames), torch.ones(1, frames))
    assert x.shape == (1, 2, 5, left)
    assert mask.shape == (1, left)


@torch.no_grad()
def test_activations_lie_between_0_and_20() -> None:
    stage = ResCNN(ResCNNConfig(stages=(4,), blocks=2), bins=8).eval().stages[0]
    x, _ = stage(1e4 * torch.randn(2, 1, 8, 32), torch.ones(2, 32))
    assert (x.min().item(), x.max().item()) == (0.0, 20.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": ()}, "stages: empty"),
        ({"stages": (64, 0)}, "stages: 0 is not above 0"),
        ({"width": 0.0}, "width: 0 is not above 0"),
        ({"blocks": -1}, "blocks: -1"),
        ({"size": 0}, "size: 0"),
    ],
)
def test_settings_that_make_no_network_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        ResCNNConfig(**change)
