"""Two heads on a finished embedding."""

from __future__ import annotations

import pytest
import torch

from sonant.errors import ModelError, RecipeError
from sonant.models.rescnn import ResCNNConfig
from sonant.models.vector_heads import (
    DenseHead,
    DenseHeadConfig,
    TdnnConvHead,
    TdnnConvHeadConfig,
)

TRUNK = ResCNNConfig(stages=(4,), blocks=1, size=16)


def features() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(3, 8, 24, generator=torch.Generator().manual_seed(0)), torch.ones(3, 24)


@pytest.mark.parametrize(
    ("kind", "config", "parameters"),
    [(TdnnConvHead, TdnnConvHeadConfig(), 156_416), (DenseHead, DenseHeadConfig(), 593_024)],
)
def test_a_head_has_the_parameters_of_its_keras_original(
    kind: type[TdnnConvHead | DenseHead],
    config: TdnnConvHeadConfig | DenseHeadConfig,
    parameters: int,
) -> None:
    with torch.device("meta"):
        network = kind(config, bins=64)
        vectors = network.head.eval()(torch.zeros(2, 512))
    assert sum(weight.numel() for weight in network.head.parameters()) == parameters
    assert vectors.shape == (2, 128)


@torch.no_grad()
def test_convolutions_take_neighbours_in_a_vector_for_neighbours_in_time() -> None:
    """Why such a head has nothing to gain: its answer depends on how the values are numbered."""
    network = TdnnConvHead(TdnnConvHeadConfig(trunk=TRUNK, channels=(4, 6), size=5), bins=8).eval()
    vectors = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(network.head(vectors.flip(1)), network.head(vectors), atol=1e-3)


def test_a_frozen_trunk_learns_nothing_not_even_its_norms() -> None:
    network = DenseHead(DenseHeadConfig(trunk=TRUNK, units=(6,), frozen=True), bins=8).train()
    before = {name: value.clone() for name, value in network.trunk.state_dict().items()}
    network(*features()).sum().backward()
    assert all(weight.grad is None for weight in network.trunk.parameters())
    assert all(weight.grad is not None for weight in network.head.parameters())
    assert all(
        torch.equal(value, before[name]) for name, value in network.trunk.state_dict().items()
    )
    assert network.head.training
    assert not network.trunk.training


def test_a_trunk_that_is_not_frozen_learns() -> None:
    network = DenseHead(DenseHeadConfig(trunk=TRUNK, units=(6,)), bins=8).train()
    network(*features()).square().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_a_vector_too_short_for_the_convolutions_is_refused() -> None:
    with pytest.raises(ModelError, match="16 values are too few for 3 convolutions"):
        TdnnConvHead(TdnnConvHeadConfig(trunk=TRUNK, channels=(4, 4, 4), kernel=5), bins=8)


def test_settings_that_make_no_head_are_refused() -> None:
    with pytest.raises(RecipeError, match="units: 0"):
        DenseHeadConfig(units=(0,))
    with pytest.raises(RecipeError, match="channels: empty"):
        TdnnConvHeadConfig(channels=())
