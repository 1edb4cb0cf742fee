"""The CNN of kws_streaming, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sonant.errors import ModelError, RecipeError
from sonant.models import build
from sonant.models.dense import ACTIVATIONS
from sonant.models.kws_cnn import KwsCNN, KwsCNNConfig
from sonant.nn.streaming import Session

TABLE = [  # time, frequency, channels, parameters
    (47, 18, 64, 640),
    (43, 16, 64, 61_504),
    (35, 14, 64, 61_504),
    (31, 12, 64, 61_504),
    (23, 11, 128, 82_048),
    (19, 11, 64, 41_024),
    (1, 11, 128, 82_048),
]
DENSE = [(128, 180_352), (256, 33_024), (14, 3_598)]


def layers(network: nn.Module, kind: type[nn.Module]) -> list[tuple[tuple[int, ...], int]]:
    """Output shape and parameters of each layer of a kind, on 49 frames of 20 bins."""
    found: list[tuple[tuple[int, ...], int]] = []
    for part in network.modules():
        if isinstance(part, kind):
            part.register_forward_hook(
                lambda layer, _, output: found.append(
                    (tuple(output.shape[1:]), sum(w.numel() for w in layer.parameters()))
                )
            )
    assert isinstance(network, KwsCNN)
    network.eval().last(torch.zeros(1, 20, 49))
    return found


def unstreamed(network: KwsCNN, config: KwsCNNConfig, features: Tensor) -> Tensor:
    """What the network was before it streamed: plain layers on [1, frames, bins], one answer."""
    image = features.transpose(1, 2).unsqueeze(1)
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    dense = [part for part in network.modules() if isinstance(part, nn.Conv1d)]
    for layer, stride, dilation, activation in zip(
        convolutions, config.strides, config.dilations, config.activations, strict=True
    ):
        weight = layer.weight.transpose(2, 3)  # (frequency, time) to (time, frequency)
        image = functional.conv2d(image, weight, layer.bias, stride=stride, dilation=dilation)
        image = ACTIVATIONS[activation]()(image)
    row = image.transpose(2, 3).flatten(1)
    for last, act in zip(dense, (*config.unit_activations, "linear"), strict=True):
        row = ACTIVATIONS[act]()(functional.linear(row, last.weight[..., 0], last.bias))
    return row


def test_the_default_has_the_published_layers_and_607246_parameters() -> None:
    network = build(KwsCNNConfig(), bins=20, frames=49, labels=14)
    assert layers(network, nn.Conv2d) == [
        ((channels, frequency, time), parameters) for time, frequency, channels, parameters in TABLE
    ]
    assert layers(network, nn.Conv1d) == [((units, 1), parameters) for units, parameters in DENSE]
    (first, *_), *_ = (
        [layer for layer in part if isinstance(layer, nn.Conv1d)]
        for part in network.modules()
        if isinstance(part, nn.Sequential)
    )
    assert first.in_channels == 1408
    assert activations(network)[-2:] == ["Identity", "ReLU"]
    assert sum(weight.numel() for weight in network.parameters()) == 607_246


def test_time_is_the_first_of_each_pair() -> None:
    config = KwsCNNConfig(
        filters=(4,),
        kernels=((7, 2),),
        dilations=((1, 3),),
        strides=((2, 1),),
        activations=("linear",),
        units=(),
        unit_activations=(),
    )
    network = build(config, bins=20, frames=49, labels=2)
    assert layers(network, nn.Conv2d) == [((4, 17, 22), 4 * 14 + 4)]
    assert layers(network, nn.Conv1d) == [((2, 1), 4 * 22 * 17 * 2 + 2)]
    assert isinstance(network, KwsCNN)
    assert (network.hop, network.receptive_field) == (2, 49)


@pytest.mark.parametrize(
    ("strides", "frames"),
    [(((1, 1), (1, 1)), 23), (((2, 1), (3, 2)), 19)],
    ids=["plain", "strided"],
)
def test_the_answer_to_a_clip_is_what_it_was_before_the_network_streamed(
    strides: tuple[tuple[int, int], ...], frames: int
) -> None:
    torch.manual_seed(0)
    config = KwsCNNConfig(
        filters=(4, 5),
        kernels=((3, 2), (2, 3)),
        dilations=((2, 1), (1, 2)),
        strides=strides,
        activations=("relu", "tanh"),
        units=(6,),
        unit_activations=("relu",),
    )
    network = build(config, bins=12, frames=frames, labels=3)
    assert isinstance(network, KwsCNN)
    clips = torch.randn(2, 12, frames)
    expected = unstreamed(network.eval(), config, clips)
    torch.testing.assert_close(network.last(clips)[..., 0], expected, atol=1e-5, rtol=1e-5)


def test_every_answer_of_a_stream_is_that_of_the_clip_which_ends_there() -> None:
    torch.manual_seed(0)
    config = KwsCNNConfig(filters=(8, 8, 8, 8, 16, 8, 16))
    network = build(config, bins=20, frames=49, labels=4)
    assert isinstance(network, KwsCNN)
    assert network.receptive_field == 49
    stream = torch.randn(1, 20, 60)
    session = Session(network.eval(), shape=[20])
    live = torch.cat([session.push(part) for part in torch.split(stream, [7, 50, 3], -1)], -1)
    for end in (49, 55, 60):
        clip = network.last(stream[..., end - 49 : end])
        torch.testing.assert_close(live[..., end - 1 : end], clip, atol=1e-5, rtol=1e-4)


def test_each_activation_follows_its_layer() -> None:
    config = KwsCNNConfig(
        filters=(2,) * 6,
        kernels=((1, 1),) * 6,
        dilations=((1, 1),) * 6,
        strides=((1, 1),) * 6,
        activations=tuple(ACTIVATIONS),
        units=(3,),
        unit_activations=("tanh",),
    )
    network = build(config, bins=4, frames=4, labels=2)
    assert activations(network) == ["Identity", "ReLU", "ELU", "SiLU", "Tanh", "Sigmoid", "Tanh"]


def activations(network: nn.Module) -> list[str]:
    """Their names, in the order in which they stand."""
    kinds = ("Identity", "ReLU", "ELU", "SiLU", "Tanh", "Sigmoid")
    names = (type(part).__name__ for part in network.modules())
    return [name for name in names if name in kinds]


def test_lists_of_unequal_length_are_refused_with_their_lengths() -> None:
    with pytest.raises(RecipeError) as refused:
        KwsCNNConfig(kernels=((3, 3),) * 6, activations=("relu",) * 8)
    for part in ("filters has 7", "kernels has 6", "dilations has 7", "activations has 8"):
        assert part in str(refused.value)
    with pytest.raises(RecipeError, match="units has 1, unit_activations has 2"):
        KwsCNNConfig(units=(128,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": (64, 64, 64, 64, 128, 64, 0)}, "filters: 0 is not above 0"),
        ({"strides": ((1, 1),) * 6 + ((0, 1),)}, "strides: 0 is not above 0"),
        ({"units": (128, -1)}, "units: -1 is not above 0"),
        ({"activations": ("relu",) * 6 + ("rely",)}, "'rely' is not one of linear, relu"),
    ],
)
def test_values_without_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        KwsCNNConfig(**change)


def test_no_layers_at_all_are_refused() -> None:
    with pytest.raises(RecipeError, match="at least one convolution"):
        KwsCNNConfig(filters=(), kernels=(), dilations=(), strides=(), activations=())


def test_a_hop_of_40_ms_makes_a_layer_collapse_and_the_refusal_says_what_to_change() -> None:
    with pytest.raises(ModelError) as refused:
        build(KwsCNNConfig(), bins=10, frames=25, labels=14)
    message = str(refused.value)
    assert "layer 5 of 7" in message
    assert "time axis would have size -1" in message
    for setting in ("value 5 of model.kernels", "model.dilations", "front_end.hop_length"):
        assert setting in message


def test_too_few_coefficients_collapse_in_frequency() -> None:
    with pytest.raises(ModelError, match=r"layer 4 of 7.*frequency axis.*size 0.*more bins"):
        build(KwsCNNConfig(), bins=8, frames=49, labels=14)


def test_the_mended_lists_of_that_hop_build() -> None:
    config = replace(
        KwsCNNConfig(),
        kernels=((3, 3), (5, 3), (5, 3), (5, 3), (5, 2), (5, 1), (3, 1)),
        dilations=((1, 1),) * 7,
    )
    network = build(config, bins=10, frames=25, labels=14)
    assert network(torch.zeros(1, 10, 25)).shape == (1, 14, 25)
