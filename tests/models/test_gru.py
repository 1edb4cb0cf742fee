"""The GRU of kws_streaming."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.gru import GRUConfig, GRUNet


def test_the_default_has_593836_parameters() -> None:
    network = build(GRUConfig(), bins=20, frames=49, labels=12)
    assert isinstance(network, GRUNet)
    assert sum(weight.numel() for weight in network.parameters()) == 593_836


def test_the_answer_at_a_frame_is_the_dense_layers_on_the_state_there() -> None:
    torch.manual_seed(0)
    network = build(GRUConfig(hidden=8, units=(), unit_activations=()), bins=5, frames=9, labels=3)
    x = torch.randn(2, 5, 9)
    (gru,) = (part for part in network.modules() if isinstance(part, nn.GRU))
    (answer,) = (part for part in network.modules() if isinstance(part, nn.Conv1d))
    states, _ = gru(x.transpose(1, 2))
    expected = answer(states.transpose(1, 2))
    torch.testing.assert_close(network.eval()(x), expected, atol=1e-5, rtol=1e-5)


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(RecipeError, match="layers: 0 is not above 0"):
        GRUConfig(layers=0)
    with pytest.raises(RecipeError, match="units has 1, unit_activations has 2"):
        GRUConfig(units=(3,))
