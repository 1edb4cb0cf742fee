"""X-vectors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import RecipeError
from sonant.models.tdnn import Tdnn, TdnnConfig


@pytest.mark.parametrize(("bins", "parameters"), [(24, 4_211_604), (64, 4_314_004)])
def test_it_has_the_4_2m_parameters_of_the_x_vector_on_24_bins(bins: int, parameters: int) -> None:
    with torch.device("meta"):
        network = Tdnn(TdnnConfig(), bins=bins)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


def test_wespeaker_s_count_differs_by_a_layer_behind_the_embedding_and_by_norms() -> None:
    with torch.device("meta"):
        network = Tdnn(TdnnConfig(), bins=80)
    norms = sum(layer.norm.weight.numel() + layer.norm.bias.numel() for layer in network.layers)
    behind = 512 * 512 + 512
    own = sum(weight.numel() for weight in network.parameters())
    assert own - norms + behind == 4_610_524


@torch.no_grad()
def test_a_frame_is_pooled_by_what_lies_seven_frames_to_either_side() -> None:
    network = Tdnn(TdnnConfig(channels=(4, 4, 4, 4, 6), size=3), bins=5).eval()
    features, mask = torch.randn(1, 5, 41), torch.ones(1, 41)
    changed = features.clone()
    changed[..., 20] += 1

    def frames(x: torch.Tensor) -> torch.Tensor:
        for layer in network.layers:
            x = layer(x, mask)
        return x

    moved = (frames(changed) != frames(features)).any(1)[0].nonzero().flatten()
    assert (moved.min().item(), moved.max().item()) == (13, 27)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": (512,) * 4}, "channels has 4, kernels has 5"),
        ({"channels": (), "kernels": (), "dilations": ()}, "channels: empty"),
        ({"kernels": (5, 3, 4, 1, 1)}, "kernels: 4 is even"),
        ({"dilations": (1, 2, 0, 1, 1)}, "dilations: 0"),
        ({"size": 0}, "size: 0"),
    ],
)
def test_settings_that_make_no_network_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        TdnnConfig(**change)
