"""The CNN of kws_streaming, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from sonant.errors import ModelError, RecipeError
from sonant.models import build
from sonant.models.kws_cnn import ACTIVATIONS, KwsCNN, KwsCNNConfig

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
    network.eval()(torch.zeros(1, 20, 49))
    return found


def test_the_default_has_the_published_layers_and_607246_parameters() -> None:
    network = build(KwsCNNConfig(), bins=20, frames=49, labels=14)
    assert layers(network, nn.Conv2d) == [
        ((channels, time, frequency), parameters) for time, frequency, channels, parameters in TABLE
    ]
    assert layers(network, nn.Linear) == [((units,), parameters) for units, parameters in DENSE]
    dense = network.get_submodule("dense")
    assert [type(layer).__name__ for layer in dense.children()] == [
        *("Linear", "Identity", "Linear", "ReLU", "Linear")
    ]
    assert dense.get_submodule("0").in_features == 1408
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
    assert layers(network, nn.Conv2d) == [((4, 22, 17), 4 * 14 + 4)]
    assert layers(network, nn.Linear) == [((2,), 4 * 22 * 17 * 2 + 2)]


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
    assert isinstance(network, KwsCNN)
    followers = [type(layer).__name__ for layer in network.convolutions][1::2]
    assert followers == ["Identity", "ReLU", "ELU", "SiLU", "Tanh", "Sigmoid"]
    assert isinstance(network.dense[1], nn.Tanh)


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
    assert build(config, bins=10, frames=25, labels=14)(torch.zeros(1, 10, 25)).shape == (1, 14)
