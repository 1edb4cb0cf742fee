"""Dense layers on frames, and the checks of lists of layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import RecipeError
from sonant.models.dense import ACTIVATIONS, dense, known, positive, same_length


def test_every_frame_goes_through_the_same_layers_by_itself() -> None:
    torch.manual_seed(0)
    layers = dense(3, (5, 4), ("relu", "tanh"), labels=2)
    frames = torch.randn(2, 3, 6)
    expected = frames.transpose(1, 2)
    for layer in layers:
        if isinstance(layer, nn.Conv1d):
            expected = nn.functional.linear(expected, layer.weight[..., 0], layer.bias)
        else:
            expected = layer(expected)
    torch.testing.assert_close(layers(frames), expected.transpose(1, 2))


def test_without_labels_the_last_layer_is_the_last_of_the_list() -> None:
    assert [type(layer).__name__ for layer in dense(3, (5,), ("silu",))] == ["Conv1d", "SiLU"]
    assert len(dense(3, (), ())) == 0


def test_every_activation_can_be_had() -> None:
    made = {type(layer).__name__ for layer in dense(1, (1,) * 6, tuple(ACTIVATIONS))}
    assert made == {"Conv1d", "Identity", "ReLU", "ELU", "SiLU", "Tanh", "Sigmoid"}


def test_lists_of_unequal_length_are_refused_with_their_lengths() -> None:
    same_length("layers", filters=(1, 2), kernels=(3, 4))
    with pytest.raises(RecipeError, match=r"lists of the layers .* filters has 2, kernels has 1"):
        same_length("layers", filters=(1, 2), kernels=(3,))


def test_a_number_in_a_list_of_pairs_must_be_above_zero_too() -> None:
    positive(hidden=1, units=(), kernels=((1, 1), (2, 3)))
    for values in (0, (3, 0), ((1, 1), (2, 0))):
        with pytest.raises(RecipeError, match=r"^kernels: 0 is not above 0"):
            positive(units=(1,), kernels=values)


def test_a_misspelt_activation_is_refused_with_those_there_are() -> None:
    known(activations=("relu", "linear"))
    with pytest.raises(RecipeError, match=r"^activations: 'rely' is not one of linear, relu"):
        known(activations=("relu", "rely"))
