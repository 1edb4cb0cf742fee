"""The network of the TensorFlow tutorial."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import ModelError
from sonant.models import build
from sonant.models.spectrogram_cnn import SpectrogramCNNConfig


def test_on_the_tutorials_image_it_has_the_tutorials_layers() -> None:
    network = build(SpectrogramCNNConfig(), bins=32, frames=32, labels=8)
    convolution = 32 * 9 + 32 + 64 * 32 * 9 + 64
    dense = (14 * 14 * 64) * 128 + 128 + 128 * 8 + 8
    assert sum(weight.numel() for weight in network.parameters()) == convolution + dense == 1625608
    kinds = [type(part).__name__ for part in network.modules() if not any(part.children())]
    assert kinds == [
        *("Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "Dropout"),
        *("Flatten", "Linear", "ReLU", "Dropout", "Linear"),
    ]
    assert [part.p for part in network.modules() if isinstance(part, nn.Dropout)] == [0.25, 0.5]


@pytest.mark.parametrize(("bins", "frames"), [(6, 6), (129, 124), (7, 40)])
def test_other_images_will_do(bins: int, frames: int) -> None:
    network = build(SpectrogramCNNConfig(), bins=bins, frames=frames, labels=3)
    assert network(torch.zeros(2, bins, frames)).shape == (2, 3)


def test_an_image_too_small_is_refused() -> None:
    with pytest.raises(ModelError, match=r"layer 3 of 3 \(pooling.*time axis.*size 0.*hop"):
        build(SpectrogramCNNConfig(), bins=32, frames=5, labels=8)
    with pytest.raises(ModelError, match=r"layer 2 of 3.*frequency axis.*size -1.*more bins"):
        build(SpectrogramCNNConfig(), bins=3, frames=32, labels=8)


def test_filters_units_and_dropout_are_settings() -> None:
    config = SpectrogramCNNConfig(filters=(2, 3), units=5, dropout=0.1, dense_dropout=0.2)
    network = build(config, bins=8, frames=8, labels=4)
    shapes = [tuple(weight.shape) for weight in network.parameters() if weight.ndim > 1]
    assert shapes == [(2, 1, 3, 3), (3, 2, 3, 3), (5, 12), (4, 5)]
    assert [part.p for part in network.modules() if isinstance(part, nn.Dropout)] == [0.1, 0.2]
