"""MobileNetV3-Small, held to torchvision's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.mobilenet_v3_small import MobileNetV3SmallConfig


def test_names_shapes_and_parameters_are_torchvisions(peer: Any) -> None:
    network = build(MobileNetV3SmallConfig(), bins=64, frames=32, labels=35)
    state = network.state_dict()
    facts = peer.facts["mobilenet_v3_small"]
    assert [(name, list(weight.shape)) for name, weight in state.items()] == list(
        facts["tensors"].items()
    )
    assert sum(weight.numel() for weight in network.parameters()) == facts["parameters"]


def test_under_equal_weights_the_answer_is_torchvisions(peer: Any) -> None:
    network = build(MobileNetV3SmallConfig(), bins=64, frames=32, labels=35)
    network.load_state_dict(peer.weights("mobilenet_v3_small"))
    expected = peer.arrays["mobilenet_v3_small"]
    torch.testing.assert_close(peer.answer(network), expected, atol=1e-5, rtol=1e-4)


def test_it_trains_with_torchvisions_normalisation_and_dropout() -> None:
    network = build(MobileNetV3SmallConfig(), bins=64, frames=32, labels=35)
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.001, 0.01)}
    assert [part.p for part in network.modules() if isinstance(part, nn.Dropout)] == [0.2]


@pytest.mark.parametrize(("bins", "frames"), [(1, 1), (40, 101)])
def test_any_image_will_do(bins: int, frames: int) -> None:
    network = build(MobileNetV3SmallConfig(), bins=bins, frames=frames, labels=3).eval()
    assert network(torch.zeros(2, bins, frames)).shape == (2, 3)


def test_two_channels_are_refused() -> None:
    with pytest.raises(RecipeError, match="input_channels: 2 is not 1 or 3"):
        MobileNetV3SmallConfig(input_channels=2)  # type: ignore[arg-type]
