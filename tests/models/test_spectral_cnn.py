"""Three convolutions and a global average."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import ModelError
from sonant.models import build
from sonant.models.spectral_cnn import SpectralCNN, SpectralCNNConfig


def test_it_has_the_described_layers() -> None:
    network = build(SpectralCNNConfig(), bins=257, frames=134, labels=8)
    weights = 32 * 9 + 32 + 64 * 32 * 9 + 64 + 64 * 64 * 9 + 64 + 64 * 32 + 32 + 32 * 8 + 8
    assert sum(weight.numel() for weight in network.parameters()) == weights
    kinds = [type(part).__name__ for part in network.modules() if not any(part.children())]
    convolution = ["Conv2d", "ReLU", "Dropout"]
    assert kinds == [
        *(*convolution, "MaxPool2d", *convolution, "MaxPool2d", *convolution),
        *("Linear", "Linear"),
    ]
    assert {part.p for part in network.modules() if isinstance(part, nn.Dropout)} == {0.1}


def test_it_answers_from_the_mean_over_the_whole_image() -> None:
    network = build(SpectralCNNConfig(filters=(2, 3, 4), units=5), bins=18, frames=30, labels=2)
    assert isinstance(network, SpectralCNN)
    image = torch.randn(2, 18, 30)
    maps = network.eval().convolutions(image[:, None])
    assert maps.shape == (2, 4, 1, 4)
    mean = maps.sum(dim=(2, 3)) / 4
    torch.testing.assert_close(network(image), network.dense(mean))


def test_eighteen_bins_and_frames_are_the_least() -> None:
    least = build(SpectralCNNConfig(), bins=18, frames=18, labels=2)
    assert least(torch.zeros(1, 18, 18)).shape == (1, 2)
    with pytest.raises(ModelError, match=r"layer 5 of 5.*time axis.*size 0.*hop"):
        build(SpectralCNNConfig(), bins=18, frames=17, labels=2)
    with pytest.raises(ModelError, match=r"layer 3 of 5.*frequency axis.*size 0.*more bins"):
        build(SpectralCNNConfig(), bins=6, frames=18, labels=2)
