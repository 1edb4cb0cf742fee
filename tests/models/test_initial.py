"""First weights as Keras draws them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from sonant.models.initial import as_keras


def spread(weight: Tensor) -> tuple[float, float]:
    """Largest value, and standard deviation as a share of it: 1 / sqrt(3) when uniform."""
    largest = weight.detach().abs().max().item()
    return largest, weight.detach().std().item() / largest


@pytest.mark.parametrize(
    ("layer", "fans"),
    [
        (nn.Conv2d(32, 64, (3, 5)), 15 * (32 + 64)),
        (nn.Linear(300, 200), 300 + 200),
        (nn.Conv1d(300, 200, 1), 300 + 200),
    ],
    ids=["convolution", "dense", "dense on frames"],
)
def test_kernels_are_glorot_uniform_and_biases_zero(layer: nn.Conv2d, fans: int) -> None:
    torch.manual_seed(0)
    as_keras(nn.Sequential(layer))
    largest, share = spread(layer.weight)
    assert largest == pytest.approx(math.sqrt(6 / fans), rel=1e-3)
    assert share == pytest.approx(1 / math.sqrt(3), rel=0.02)
    assert layer.bias is not None
    assert not layer.bias.any()


def test_an_lstm_remembers_at_first_and_its_recurrence_keeps_lengths() -> None:
    torch.manual_seed(0)
    layer = nn.LSTM(40, 32)
    as_keras(layer)
    largest, share = spread(layer.weight_ih_l0)
    assert largest == pytest.approx(math.sqrt(6 / (40 + 4 * 32)), rel=1e-2)
    assert share == pytest.approx(1 / math.sqrt(3), rel=0.02)
    recurrent = layer.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(32), atol=1e-5, rtol=0)
    bias = (layer.bias_ih_l0 + layer.bias_hh_l0).view(4, 32)
    assert bias.mean(dim=1).tolist() == [0, 1, 0, 0], "input, forget, cell, output"


def test_a_gru_keeps_lengths_and_begins_without_bias() -> None:
    torch.manual_seed(0)
    layer = nn.GRU(40, 32)
    as_keras(layer)
    recurrent = dict(layer.named_parameters())["weight_hh_l0"]
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(32), atol=1e-5, rtol=0)
    biases = [weight for name, weight in layer.named_parameters() if name.startswith("bias")]
    assert len(biases) == 2
    assert not torch.cat(biases).any()


def test_a_layer_without_bias_is_no_obstacle() -> None:
    layer = nn.Linear(3, 3, bias=False)
    as_keras(layer)
    assert layer.weight.abs().max() <= 1
