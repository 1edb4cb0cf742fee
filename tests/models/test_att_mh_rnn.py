"""Multi-head attention over a recurrent network's past."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.att_mh_rnn import AttMHRNN, AttMHRNNConfig, LastFrameAttention


def test_the_default_has_939633_parameters() -> None:
    network = build(AttMHRNNConfig(), bins=20, frames=49, labels=12)
    assert isinstance(network, AttMHRNN)
    assert sum(weight.numel() for weight in network.parameters()) == 939_633


def test_each_head_weighs_the_window_by_the_last_frames_question() -> None:
    torch.manual_seed(0)
    layer, x = LastFrameAttention(3, heads=2, window=4), torch.randn(1, 3, 6)
    made = layer(x)[0]
    for last in (3, 4, 5):
        window = x[0, :, last - 3 : last + 1]
        queries = layer.query(x[..., last : last + 1]).view(2, 3)
        for head, query in enumerate(queries):
            weights = (query @ window).softmax(-1)
            torch.testing.assert_close(
                made[3 * head : 3 * head + 3, last], window @ weights, atol=1e-5, rtol=1e-5
            )


def test_silence_before_the_stream_is_frames_of_zeros() -> None:
    torch.manual_seed(0)
    layer, x = LastFrameAttention(3, heads=2, window=4), torch.randn(1, 3, 2)
    after_zeros = layer.over(torch.cat([torch.zeros(1, 3, 3), x], -1))
    torch.testing.assert_close(layer(x), after_zeros, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 0}, "heads: 0 is not above 0"),
        ({"kernels": (5,)}, "filters has 2, kernels has 1"),
        ({"unit_activations": ("relu", "rely")}, "'rely' is not one of"),
    ],
)
def test_settings_without_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        AttMHRNNConfig(**change)
