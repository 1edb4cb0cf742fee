"""ResNet-18, held to torchvision's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.resnet18 import ResNet18Config


def test_names_shapes_and_parameters_are_torchvisions(peer: Any) -> None:
    network = build(ResNet18Config(), bins=64, frames=32, labels=35)
    state = network.state_dict()
    facts = peer.facts["resnet18"]
    assert [(name, list(weight.shape)) for name, weight in state.items()] == list(
        facts["tensors"].items()
    )
    assert sum(weight.numel() for weight in network.parameters()) == facts["parameters"]


def test_under_equal_weights_the_answer_is_torchvisions(peer: Any) -> None:
    network = build(ResNet18Config(), bins=64, frames=32, labels=35)
    network.load_state_dict(peer.weights("resnet18"))
    expected = peer.arrays["resnet18"]
    torch.testing.assert_close(peer.answer(network), expected, atol=1e-4, rtol=1e-4)


def test_one_channel_saves_two_thirds_of_the_first_convolution_and_nothing_else(peer: Any) -> None:
    network = build(ResNet18Config(input_channels=1), bins=64, frames=32, labels=35)
    shapes = {name: list(weight.shape) for name, weight in network.state_dict().items()}
    wanted = peer.facts["resnet18"]["tensors"] | {"conv1.weight": [64, 1, 7, 7]}
    assert shapes == wanted


@pytest.mark.parametrize(("bins", "frames"), [(1, 1), (40, 101)])
def test_any_image_will_do(bins: int, frames: int) -> None:
    network = build(ResNet18Config(), bins=bins, frames=frames, labels=3).eval()
    assert network(torch.zeros(2, bins, frames)).shape == (2, 3)


def test_two_channels_are_refused() -> None:
    with pytest.raises(RecipeError, match="input_channels: 2 is not 1 or 3"):
        ResNet18Config(input_channels=2)  # type: ignore[arg-type]
