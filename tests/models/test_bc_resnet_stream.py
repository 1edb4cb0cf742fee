"""BC-ResNet as a stream: the same layers as its twin, of the past alone."""

from __future__ import annotations

import itertools

import pytest
import torch

from settled import settled
from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.bc_resnet import BCResNet, BCResNetConfig
from sonant.models.bc_resnet_stream import BCResNetStream, BCResNetStreamConfig
from sonant.nn.streaming import Chain, Session
from sonant.nn.windows import WindowMean


def built(*, width: float = 0.5, lookahead: int = 0, frames: int = 20) -> BCResNetStream:
    torch.manual_seed(0)
    config = BCResNetStreamConfig(width=width, lookahead=lookahead)
    network = build(config, bins=40, frames=frames, labels=12)
    assert isinstance(network, BCResNetStream)
    settled(network, torch.randn(2, 40, 60))
    return network


def twin(network: BCResNetStream, *, width: float = 0.5) -> BCResNet:
    """A whole-clip network with the weights and running statistics of a stream."""
    whole = build(BCResNetConfig(width=width), bins=40, frames=20, labels=12).eval()
    own, other = whole.state_dict(), network.state_dict()
    whole.load_state_dict(
        {name: value.view_as(own[name]) for name, value in zip(own, other.values(), strict=True)}
    )
    assert isinstance(whole, BCResNet)
    return whole


@pytest.mark.parametrize("width", [1.0, 1.5, 3.0])
def test_it_has_as_many_parameters_as_its_twin(width: float) -> None:
    whole = build(BCResNetConfig(width=width), bins=40, frames=98, labels=12)
    expected = sum(weight.numel() for weight in whole.parameters())
    for lookahead in (0, 13):
        network = built(width=width, lookahead=lookahead)
        assert sum(weight.numel() for weight in network.parameters()) == expected


@pytest.mark.parametrize("lookahead", [0, 3, 58])
def test_a_session_gives_what_the_whole_signal_gives(lookahead: int) -> None:
    network = built(lookahead=lookahead)
    assert (network.hop, network.delay) == (1, lookahead)
    assert network.receptive_field == 117 + 19
    features = torch.randn(1, 40, 90)
    with torch.no_grad():
        whole = network(features)
    assert whole.std(-1).max() > 0.01, "an answer that moves"
    session = Session(network, shape=(40,))
    pushed = torch.cat(
        [session.push(piece) for piece in torch.split(features, [1, 7, 30, 52], -1)], -1
    )
    torch.testing.assert_close(pushed, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.last(features), whole[..., -1:], atol=1e-5, rtol=0)


def test_with_all_of_its_lookahead_it_is_the_whole_clip_network_away_from_the_ends() -> None:
    network = built(lookahead=58)
    whole, features = twin(network), torch.randn(1, 40, 180)
    layers = itertools.takewhile(lambda layer: not isinstance(layer, WindowMean), network.net)
    with torch.no_grad():
        streamed = Chain(*layers)(features)
        expected = whole.tail(whole.blocks(whole.head(features.unsqueeze(1)))).squeeze(2)
    torch.testing.assert_close(streamed[..., 2 * 58 :], expected[..., 58:-58], atol=1e-5, rtol=1e-4)


def test_nothing_after_a_frame_changes_its_answer_without_lookahead() -> None:
    network, features = built(), torch.randn(1, 40, 30)
    later = features.clone()
    later[..., 20:] += 1
    with torch.no_grad():
        torch.testing.assert_close(network(later)[..., :20], network(features)[..., :20])


def test_more_lookahead_than_the_kernels_can_use_is_refused() -> None:
    with pytest.raises(RecipeError, match="want 0 to 58"):
        BCResNetStreamConfig(lookahead=59)
