"""TC-ResNet: convolutions along time that halve the frames three times."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from settled import settled
from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.tc_resnet import Depth, TCResNet, TCResNetConfig
from sonant.nn.streaming import Residual, Session

# What the paper counts holds running means and variances too: 66k, 145k, 137k, 305k.
PUBLISHED = [
    (8, 1.0, 65_168, 656),
    (8, 1.5, 144_264, 984),
    (14, 1.0, 135_856, 1_072),
    (14, 1.5, 303_000, 1_608),
]


def built(*, depth: Depth = 8, width: float = 0.5, frames: int = 40) -> TCResNet:
    torch.manual_seed(0)
    config = TCResNetConfig(depth=depth, width=width)
    network = build(config, bins=40, frames=frames, labels=12)
    assert isinstance(network, TCResNet)
    settled(network, torch.randn(4, 40, 96))
    return network


@pytest.mark.parametrize(("depth", "width", "weights", "statistics"), PUBLISHED)
def test_every_size_has_its_published_number_of_parameters(
    depth: Depth, width: float, weights: int, statistics: int
) -> None:
    network = built(depth=depth, width=width)
    assert sum(weight.numel() for weight in network.parameters()) == weights
    assert sum(kept.numel() for kept in network.buffers() if kept.dim()) == statistics


@pytest.mark.parametrize("depth", [8, 14])
def test_a_session_gives_what_the_whole_signal_gives_every_8_frames(depth: Depth) -> None:
    network, features = built(depth=depth), torch.randn(1, 40, 96)
    with torch.no_grad():
        whole = network(features)
    assert whole.std(-1).max() > 0.01, "an answer that moves"
    session = Session(network, shape=(40,))
    pushed = torch.cat(
        [session.push(piece) for piece in torch.split(features, [3, 50, 43], -1)], -1
    )
    assert whole.shape == (1, 12, 12)
    torch.testing.assert_close(pushed, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.last(features), whole[..., -1:], atol=1e-5, rtol=0)


def test_a_clip_of_no_whole_number_of_hops_has_silence_before_it() -> None:
    network, features = built(), torch.randn(1, 40, 37)
    padded = nn.functional.pad(features, (3, 0))
    with torch.no_grad():
        assert torch.equal(network.last(features), network.last(padded))
        assert not torch.equal(network.last(features), network.last(features[..., :36]))


def test_shortcut_and_body_see_the_same_newest_frame() -> None:
    block = next(layer for layer in built().net if isinstance(layer, Residual))
    features = torch.randn(1, 8, 16)
    changed = features.clone()
    changed[..., 7] += 1
    for branch in (block.body, block.shortcut):
        with torch.no_grad():
            moved = (branch(changed) != branch(features)).any(1)[0]
        assert not moved[:3].any()
        assert moved[3]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"depth": 9}, "depth: 9 is not one of 8, 14"), ({"width": 0.01}, "without channels")],
)
def test_sizes_that_cannot_be_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        TCResNetConfig(**change)
