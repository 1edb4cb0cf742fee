"""SVDF of kws_streaming."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import ModelError, RecipeError
from sonant.models import build
from sonant.models.svdf import SVDFConfig, SVDFNet

SMALL = SVDFConfig(units=(8, 6), memory=(3, 4), projections=(5, 0), activations=("relu", "relu"))


def built(config: SVDFConfig, *, frames: int = 49) -> SVDFNet:
    torch.manual_seed(0)
    network = build(config, bins=30, frames=frames, labels=12)
    assert isinstance(network, SVDFNet)
    return network.eval()


def test_the_default_has_the_published_354_thousand_parameters_and_spans_49_frames() -> None:
    network = built(SVDFConfig())
    assert sum(weight.numel() for weight in network.parameters()) == 354_444
    assert network.receptive_field == 49


def test_of_a_longer_clip_the_frames_that_are_left_are_averaged() -> None:
    network, exact = built(SMALL, frames=9), built(SMALL, frames=6)
    exact.load_state_dict(network.state_dict())
    x = torch.randn(2, 30, 9)
    parts = [exact.last(x[..., start : start + 6]) for start in range(4)]
    torch.testing.assert_close(network.last(x), torch.stack(parts).mean(0), atol=1e-5, rtol=1e-5)


def test_a_memory_longer_than_the_clip_is_refused_by_layer_and_setting() -> None:
    with pytest.raises(ModelError, match=r"layer 6 of 6 \(memory.*time.*value 6 of model\.memory"):
        built(SVDFConfig(), frames=48)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory": (4,)}, "units has 6, memory has 1"),
        ({"projections": (128,) * 5 + (-1,)}, "projections: -1 is below 0"),
        ({"rank": 0}, "rank: 0 is not above 0"),
        ({"units": (), "memory": (), "projections": (), "activations": ()}, "at least one layer"),
    ],
)
def test_settings_without_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        SVDFConfig(**change)
