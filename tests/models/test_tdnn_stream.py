"""X-vectors while someone speaks."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from sonant.errors import ModelError, RecipeError
from sonant.models.tdnn import Tdnn, TdnnConfig
from sonant.models.tdnn_stream import TdnnStream, TdnnStreamConfig
from sonant.nn.streaming import Session

CHANNELS = (8, 8, 8, 8, 12)


@pytest.fixture(scope="module")
def twins() -> tuple[Tdnn, TdnnStream]:
    torch.manual_seed(0)
    network = Tdnn(TdnnConfig(channels=CHANNELS, size=6), bins=5)
    features = torch.randn(4, 5, 60)
    network.train()
    with torch.no_grad():
        for _ in range(30):
            network(features, torch.ones(4, 60))
    stream = TdnnStream(TdnnStreamConfig(channels=CHANNELS, size=6), bins=5)
    stream.take_from(network)
    return network.eval(), stream.eval()


@pytest.mark.parametrize(("bins", "parameters"), [(24, 4_211_604), (64, 4_314_004)])
def test_it_has_the_parameters_of_its_twin(bins: int, parameters: int) -> None:
    with torch.device("meta"):
        network = TdnnStream(TdnnStreamConfig(), bins=bins)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


def test_nothing_is_ever_forgotten_and_nothing_is_waited_for(
    twins: tuple[Tdnn, TdnnStream],
) -> None:
    _, stream = twins
    assert (stream.hop, stream.delay, stream.receptive_field) == (1, 0, None)


@torch.no_grad()
def test_with_the_weights_of_its_twin_it_gives_the_same_frames_seven_later(
    twins: tuple[Tdnn, TdnnStream],
) -> None:
    network, stream = twins
    features = torch.randn(1, 5, 50, generator=torch.Generator().manual_seed(1))
    around, x = features, F.pad(features, (0, 7))
    for layer in network.layers:
        around = layer(around, torch.ones(1, 50))
    for layer in list(stream.net)[: 2 * len(CHANNELS)]:
        x = layer(x)
    # Away from the ends, where one sees zeros of each layer and the other what they become.
    torch.testing.assert_close(x[..., 14:50], around[..., 7:43], atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_longer_it_listens_the_closer_it_comes_to_its_twin(
    twins: tuple[Tdnn, TdnnStream],
) -> None:
    network, stream = twins
    features = torch.randn(1, 5, 2000, generator=torch.Generator().manual_seed(2))
    answers = stream(features)
    apart = []
    for frames in (20, 200, 2000):
        wanted = network(features[..., :frames], torch.ones(1, frames))
        apart.append((answers[..., frames - 1] - wanted).norm().item() / wanted.norm().item())
    assert apart[2] < 0.02 < apart[0]
    assert apart[2] < apart[1] < apart[0]


@torch.no_grad()
def test_a_session_ends_with_what_the_utterance_has(twins: tuple[Tdnn, TdnnStream]) -> None:
    _, stream = twins
    features = torch.randn(1, 5, 80, generator=torch.Generator().manual_seed(3))
    session = Session(stream, shape=(5,))
    pushed = torch.cat([session.push(piece) for piece in features.split([1, 30, 49], -1)], -1)
    torch.testing.assert_close(pushed, stream(features), atol=1e-5, rtol=0)
    torch.testing.assert_close(stream.last(features), pushed[..., -1:], atol=1e-5, rtol=0)


def test_weights_of_another_shape_are_refused_by_name(twins: tuple[Tdnn, TdnnStream]) -> None:
    network, _ = twins
    wider = TdnnStream(TdnnStreamConfig(channels=(8, 8, 8, 8, 14), size=6), bins=5)
    with pytest.raises(ModelError, match=r"net.layers.8.conv.weight: \[14, 8, 1\]"):
        wider.take_from(network)
    shallow = TdnnStream(
        TdnnStreamConfig(channels=(8,), kernels=(5,), dilations=(1,), size=6), bins=5
    )
    with pytest.raises(ModelError, match="same channels"):
        shallow.take_from(network)


def test_settings_that_make_no_network_are_refused() -> None:
    with pytest.raises(RecipeError, match="kernels: 2 is even"):
        TdnnStreamConfig(kernels=(5, 3, 3, 1, 2))
