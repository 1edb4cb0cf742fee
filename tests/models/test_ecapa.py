"""ECAPA-TDNN."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import RecipeError
from sonant.models.ecapa import Ecapa, EcapaConfig, Gate, Res2Net


@pytest.mark.parametrize(
    ("config", "parameters", "published_m"),
    [
        (EcapaConfig(), 6_194_048, 6.2),
        (EcapaConfig(channels=1024), 14_660_416, 14.7),
        (EcapaConfig(channels=1024, aggregated=3072), 20_767_552, 20.8),
    ],
)
def test_it_has_the_published_parameters_on_80_bins(
    config: EcapaConfig, parameters: int, published_m: float
) -> None:
    """6.2M and 14.7M in the paper's table 2, 20.8M in SpeechBrain's form."""
    with torch.device("meta"):
        network = Ecapa(config, bins=80)
    assert sum(weight.numel() for weight in network.parameters()) == parameters
    assert round(parameters / 1e6, 1) == published_m


@pytest.mark.parametrize(("channels", "wespeaker"), [(512, 6_190_720), (1024, 14_657_088)])
def test_without_two_norms_it_is_wespeaker_s(channels: int, wespeaker: int) -> None:
    with torch.device("meta"):
        network = Ecapa(EcapaConfig(channels=channels), bins=80)
    norms = [network.join.norm, network.pool.norm]
    extra = sum(weight.numel() for norm in norms for weight in norm.parameters())
    assert sum(weight.numel() for weight in network.parameters()) - extra == wespeaker


@torch.no_grad()
def test_a_group_hears_those_before_it_and_none_behind_it() -> None:
    config = EcapaConfig(channels=12, groups=4)
    parts = Res2Net(config, 2).eval()
    x, mask = torch.randn(1, 12, 20), torch.ones(1, 20)
    torch.testing.assert_close(parts(x, mask)[:, :3], x[:, :3])
    for group in range(1, 4):
        changed = x.clone()
        changed[:, 3 * group : 3 * group + 3] += 1
        moved = (parts(changed, mask) != parts(x, mask)).any(2)[0].view(4, 3).any(1)
        assert moved.tolist() == [number >= group for number in range(4)]


@torch.no_grad()
def test_a_gate_sees_the_frames_under_the_mask_only() -> None:
    gate = Gate(4, bottleneck=3)
    x, mask = torch.randn(2, 4, 9), torch.ones(2, 9)
    mask[1, 5:] = 0
    torch.testing.assert_close(gate(x, mask)[1:, :, :5], gate(x[1:, :, :5], torch.ones(1, 5)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 510}, "groups: 8 do not divide 510"),
        ({"groups": 1}, "groups: 1 do not divide"),
        ({"kernel": 4}, "kernel: 4 is even"),
        ({"dilations": ()}, "dilations: empty"),
        ({"size": 0}, "size: 0"),
    ],
)
def test_settings_that_make_no_network_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        EcapaConfig(**change)
