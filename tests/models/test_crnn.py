"""The CRNN of kws_streaming."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from sonant.errors import ModelError, RecipeError
from sonant.models import build
from sonant.models.crnn import CRNN, CRNNConfig


def built(config: CRNNConfig | None = None, *, bins: int = 20) -> CRNN:
    torch.manual_seed(0)
    network = build(config or CRNNConfig(), bins=bins, frames=49, labels=12)
    assert isinstance(network, CRNN)
    return network.eval()


def test_the_default_has_the_published_467_thousand_parameters() -> None:
    network = built()
    assert sum(weight.numel() for weight in network.parameters()) == 467_772
    (gru,) = (part for part in network.modules() if isinstance(part, nn.GRU))
    assert (gru.input_size, gru.hidden_size) == (256, 256)


def test_a_stride_in_time_makes_answers_rarer() -> None:
    network = built(CRNNConfig(strides=((2, 2), (1, 1))))
    assert network.hop == 2
    assert network(torch.randn(1, 20, 48)).shape == (1, 12, 24)


def test_it_hears_all_there_ever_was() -> None:
    network, x = built(), torch.randn(1, 20, 60)
    assert network.receptive_field is None
    other = torch.cat([torch.randn(1, 20, 1), x[..., 1:]], -1)
    assert (network(other) - network(x))[..., -1].abs().max() > 0


def test_too_few_bins_are_refused_by_layer_and_setting() -> None:
    with pytest.raises(ModelError, match=r"layer 2 of 2.*frequency.*size 0.*value 2 of model\.ker"):
        built(bins=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": (16,)}, "filters has 1, kernels has 2"),
        ({"hidden": 0}, "hidden: 0 is not above 0"),
        ({"kernels": ((3, 3), (0, 3))}, "kernels: 0 is not above 0"),
        ({"filters": (), "kernels": (), "strides": (), "activations": ()}, "or take model gru"),
    ],
)
def test_settings_without_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        CRNNConfig(**change)
