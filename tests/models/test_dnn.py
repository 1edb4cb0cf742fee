"""The DNN of kws_streaming."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.dnn import DNN, DNNConfig, UnitMean


def built(config: DNNConfig | None = None, *, frames: int = 49) -> DNN:
    torch.manual_seed(0)
    network = build(config or DNNConfig(), bins=20, frames=frames, labels=12)
    assert isinstance(network, DNN)
    return network.eval()


def test_the_default_has_the_published_447_thousand_parameters() -> None:
    assert sum(weight.numel() for weight in built().parameters()) == 447_308


def test_the_answer_looks_at_one_clip_and_no_further() -> None:
    network, x = built(frames=7), torch.randn(1, 20, 30)
    assert network.receptive_field == 7
    other = torch.cat([torch.randn(1, 20, 23), x[..., 23:]], -1)
    torch.testing.assert_close(network(other)[..., -1], network(x)[..., -1], atol=1e-5, rtol=1e-5)
    nearer = torch.cat([torch.randn(1, 20, 24), x[..., 24:]], -1)
    assert (network(nearer) - network(x))[..., -1].abs().max() > 1e-3


def test_units_are_pooled_with_their_neighbours_in_the_same_frame() -> None:
    x = torch.tensor([[[1.0, 10.0], [3.0, 30.0], [5.0, 50.0], [9.0, 90.0]]])
    assert UnitMean(2)(x).tolist() == [[[2.0, 20.0], [7.0, 70.0]]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pool": 3}, "pool: 3 does not divide the 128 units"),
        ({"frame_units": (), "frame_activations": ()}, "at least one layer on frames"),
        ({"frame_units": (64,)}, "frame_units has 1, frame_activations has 2"),
        ({"units": (128, 0)}, "units: 0 is not above 0"),
    ],
)
def test_settings_without_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        DNNConfig(**change)
