"""Channels are brought to one size before they are quantised, and no answer changes."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from settled import settled
from sonant.export.equalise import equalise
from sonant.models.bc_resnet import BCResNet, BCResNetConfig
from sonant.models.bc_resnet_stream import BCResNetStream, BCResNetStreamConfig
from sonant.nn.layers import Conv2d
from sonant.nn.norms import SubSpectralNorm
from sonant.nn.streaming import Chain, Pointwise

CHANNELS, BANDS, BINS = 6, 2, 4


def drawn(norm: SubSpectralNorm, *, seed: int = 0) -> SubSpectralNorm:
    """Statistics of channels that differ a thousandfold, and weights of both signs."""
    generator = torch.Generator().manual_seed(seed)
    count = norm.channels * norm.bands

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    norm.norm.running_mean = uniform(-2, 2)
    norm.norm.running_var = 10 ** uniform(-4, 2)
    with torch.no_grad():
        norm.norm.weight.copy_(uniform(-1.5, 1.5))
        norm.norm.bias.copy_(uniform(-1, 1))
    return norm


def small(*, bias: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    conv = nn.Conv2d(CHANNELS, CHANNELS, (3, 1), padding=(1, 0), groups=CHANNELS, bias=bias)
    return nn.Sequential(conv, drawn(SubSpectralNorm(CHANNELS, bands=BANDS))).eval()


@pytest.mark.parametrize("bias", [False, True])
def test_a_convolution_and_its_norm_give_what_they_gave(bias: bool) -> None:
    model, x = small(bias=bias), torch.randn(2, CHANNELS, BINS, 7)
    with torch.no_grad():
        wanted = model(x)
        torch.testing.assert_close(equalise(model)(x), wanted, rtol=1e-4, atol=1e-4)


def test_what_the_bands_of_a_channel_have_in_common_is_in_its_convolution() -> None:
    model = small()
    before = model[0].weight.detach().clone()
    norm = model[1].norm
    factors = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().abs()
    common = factors.view(CHANNELS, BANDS).log().mean(1).exp()
    equalise(model)
    torch.testing.assert_close(model[0].weight.detach(), before * common.view(-1, 1, 1, 1))
    after = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().abs()
    torch.testing.assert_close(
        after.view(CHANNELS, BANDS).log().mean(1), torch.zeros(CHANNELS), atol=1e-5, rtol=0
    )


def test_a_channel_that_its_norm_silences_does_no_harm() -> None:
    model, x = small(), torch.randn(2, CHANNELS, BINS, 7)
    with torch.no_grad():
        model[1].norm.weight[:BANDS] = 0
        wanted = model(x)
        torch.testing.assert_close(equalise(model)(x), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("streams", [False, True])
def test_a_network_of_such_blocks_answers_as_before(streams: bool) -> None:
    torch.manual_seed(0)
    features = torch.randn(4, 40, 30)
    given = {"bins": 40, "frames": 30, "labels": 3}
    network: nn.Module = (
        BCResNetStream(BCResNetStreamConfig(), **given)
        if streams
        else BCResNet(BCResNetConfig(), **given)
    )
    settled(network, features)
    other = equalise(deepcopy(network))
    changed = [
        name
        for name, weights in other.state_dict().items()
        if name not in network.state_dict() or not torch.equal(weights, network.state_dict()[name])
    ]
    assert len(changed) >= 12 * 5
    with torch.no_grad():
        torch.testing.assert_close(other(features), network(features), rtol=1e-4, atol=1e-4)


def test_norms_elsewhere_stay_as_they_are() -> None:
    conv = Conv2d(1, CHANNELS, (1, 1), bins=BINS)
    norm = drawn(SubSpectralNorm(CHANNELS, bands=BANDS))
    model = Chain(conv, Pointwise(nn.ReLU()), Pointwise(norm)).eval()
    before = deepcopy(model.state_dict())
    after = equalise(model).state_dict()
    assert all(torch.equal(after[name], weights) for name, weights in before.items())
