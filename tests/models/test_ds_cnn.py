"""DS-CNN of Hello Edge."""

from __future__ import annotations

import pytest
import torch

from sonant.errors import ModelError, RecipeError
from sonant.models import build
from sonant.models.ds_cnn import DSCNN, DSCNNConfig, Size


def built(size: Size = "small", *, bins: int = 10, frames: int = 49) -> DSCNN:
    torch.manual_seed(0)
    network = build(DSCNNConfig(size=size), bins=bins, frames=frames, labels=12)
    assert isinstance(network, DSCNN)
    return network.eval()


def test_small_is_the_network_of_mlperf_tiny() -> None:
    network = built()
    parameters = sum(weight.numel() for weight in network.parameters())
    statistics = sum(
        values.numel() for name, values in network.named_buffers() if "running" in name
    )
    assert (parameters, parameters + statistics) == (23_756, 24_908)


@pytest.mark.parametrize(
    ("size", "parameters", "hop"), [("medium", 138_128, 4), ("large", 416_772, 4)]
)
def test_the_larger_sizes(size: Size, parameters: int, hop: int) -> None:
    network = built(size)
    assert sum(weight.numel() for weight in network.parameters()) == parameters
    assert network.hop == hop


def test_a_window_of_the_stream_is_a_clip() -> None:
    network = built()
    assert (network.hop, network.receptive_field) == (2, 48)
    x = torch.randn(1, 10, 80)
    torch.testing.assert_close(
        network.last(x[..., -48:]), network(x)[..., -1:], atol=1e-5, rtol=1e-5
    )


def test_a_clip_too_short_for_the_layers_is_refused() -> None:
    with pytest.raises(ModelError, match=r"layer 1 of 5.*time axis.*spans 10.*gets 9"):
        built(frames=9)
    with pytest.raises(ModelError, match=r"layer 6 of 6 \(depthwise.*time.*make model\.size small"):
        built("large", frames=40)


def test_a_size_that_is_not_one_is_refused() -> None:
    with pytest.raises(RecipeError, match="size: 'huge' is not one of small, medium, large"):
        DSCNNConfig(size="huge")  # type: ignore[arg-type]
