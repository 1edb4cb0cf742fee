"""DS-TC-ResNet, or MatchboxNet: separable convolutions along time."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from settled import settled
from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.ds_tc_resnet import DSTCResNet, DSTCResNetConfig
from sonant.nn.streaming import Session


def built(
    *, lookahead: int = 0, repeats: tuple[int, ...] = (1,) * 6, bins: int = 40, labels: int = 12
) -> DSTCResNet:
    torch.manual_seed(0)
    config = DSTCResNetConfig(lookahead=lookahead, repeats=repeats)
    network = build(config, bins=bins, frames=20, labels=labels)
    assert isinstance(network, DSTCResNet)
    settled(network, torch.randn(4, bins, 60))
    return network


@pytest.mark.parametrize(
    ("repeats", "parameters"), [((1,) * 6, 77_342), ((1, 2, 2, 2, 1, 1), 92_894)]
)
def test_matchboxnet_has_the_published_77k_and_93k_parameters(
    repeats: tuple[int, ...], parameters: int
) -> None:
    network = built(repeats=repeats, bins=64, labels=30)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


def test_the_default_has_71684_parameters_on_40_features() -> None:
    assert sum(weight.numel() for weight in built().parameters()) == 71_684
    assert sum(weight.numel() for weight in built(bins=64).parameters()) == 75_020


@pytest.mark.parametrize("lookahead", [0, 10, 54])
def test_a_session_gives_what_the_whole_signal_gives(lookahead: int) -> None:
    network, features = built(lookahead=lookahead, repeats=(1,) * 6), torch.randn(1, 40, 80)
    assert (network.hop, network.delay) == (1, lookahead)
    with torch.no_grad():
        whole = network(features)
    assert whole.std(-1).max() > 0.01, "an answer that moves"
    session = Session(network, shape=(40,))
    pushed = torch.cat(
        [session.push(piece) for piece in torch.split(features, [1, 9, 30, 40], -1)], -1
    )
    torch.testing.assert_close(pushed, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.last(features), whole[..., -1:], atol=1e-5, rtol=0)


def test_with_lookahead_a_frame_is_answered_by_what_comes_after_it() -> None:
    """A block of one kernel of 3, all of whose reach is ahead by 1, lies around its frame."""
    config = DSTCResNetConfig(
        filters=(4,), repeats=(1,), kernels=(3,), dilations=(1,), residual=(True,), lookahead=1
    )
    network = build(config, bins=4, frames=1, labels=2).eval()
    for weight in network.parameters():  # nothing that a ReLU could hide
        torch.nn.init.ones_(weight)
    features = torch.rand(1, 4, 12)
    changed = features.clone()
    changed[..., 5] += 1
    with torch.no_grad():
        moved = (network(changed) != network(features)).any(1)[0]
    # Frames 4, 5 and 6, each answered one frame later; the shortcut is that of 5 itself.
    assert moved.nonzero().flatten().tolist() == [5, 6, 7]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": (64,) * 5}, "filters has 5, repeats has 6"),
        ({"kernels": (11, 13, 15, 17, 29, 0)}, "kernels: 0 is not above 0"),
        ({"lookahead": 55}, "want 0 to 54"),
        (
            dict.fromkeys(("filters", "repeats", "kernels", "dilations", "residual"), ()),
            "at least one block",
        ),
    ],
)
def test_lists_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        DSTCResNetConfig(**change)
