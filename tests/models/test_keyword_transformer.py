"""The Keyword Transformer, whole and as a stream."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.keyword_transformer import (
    KeywordTransformer,
    KeywordTransformerConfig,
    KeywordTransformerStream,
    KeywordTransformerStreamConfig,
    Layer,
)
from sonant.nn.streaming import Session

PUBLISHED = [(64, 1, 607_308), (128, 2, 2_394_252), (192, 3, 5_360_844)]


def whole(*, frames: int = 12) -> KeywordTransformer:
    torch.manual_seed(0)
    config = KeywordTransformerConfig(depth=2, dim=8, heads=2, mlp=16)
    network = build(config, bins=10, frames=frames, labels=3)
    assert isinstance(network, KeywordTransformer)
    return network.eval()


def stream(
    *, depth: int = 2, window: int = 4, context: int = 3, frames: int = 6
) -> KeywordTransformerStream:
    torch.manual_seed(0)
    config = KeywordTransformerStreamConfig(
        depth=depth, dim=8, heads=2, mlp=16, window=window, context=context
    )
    network = build(config, bins=10, frames=frames, labels=3)
    assert isinstance(network, KeywordTransformerStream)
    for weight in network.parameters():  # far from the start's tiny weights, where all is one
        torch.nn.init.normal_(weight, std=0.5)
    return network.eval()


@pytest.mark.parametrize(("dim", "heads", "parameters"), PUBLISHED)
def test_kwt_1_2_3_have_their_published_607k_2394k_5361k_parameters(
    dim: int, heads: int, parameters: int
) -> None:
    config = KeywordTransformerConfig(dim=dim, heads=heads, mlp=4 * dim)
    with torch.device("meta"):
        network = KeywordTransformer(config, bins=40, frames=98, labels=12)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


def test_the_stream_has_604236_parameters() -> None:
    """No positions and no class token; a kernel of 15 frames, and biases of queries, keys, values."""
    network = build(KeywordTransformerStreamConfig(), bins=40, frames=98, labels=12)
    assert sum(weight.numel() for weight in network.parameters()) == (
        607_308 - 100 * 64 + (15 + 1) * 64 + 12 * 3 * 64
    )


def test_a_layer_is_the_textbook_attention_with_norms_behind_the_sums() -> None:
    layer = Layer(KeywordTransformerConfig(dim=8, heads=2, mlp=16)).eval()
    rows = torch.randn(1, 5, 8)
    query, keys, values = layer.attend(rows).chunk(3, -1)
    answers: list[Tensor] = []
    for head in (slice(0, 4), slice(4, 8)):
        weights = (query[0, :, head] @ keys[0, :, head].T / 4**0.5).softmax(-1)
        answers.append(weights @ values[0, :, head])
    summed = layer.norm(rows + layer.merge(torch.cat(answers, -1)))
    expected = layer.dense_norm(summed + layer.dense(summed))
    torch.testing.assert_close(layer(rows), expected, atol=1e-5, rtol=1e-5)


def test_places_count_in_a_clip() -> None:
    network, features = whole(), torch.randn(1, 10, 12)
    torch.nn.init.normal_(network.positions)
    assert not torch.allclose(network(features), network(features.flip(2)))


def test_a_session_gives_what_the_whole_signal_gives() -> None:
    network, features = stream(), torch.randn(1, 10, 40)
    assert network.receptive_field == 3 + 2 * 3 + 5
    with torch.no_grad():
        answers = network(features)
    session = Session(network, shape=(10,))
    pushed = torch.cat(
        [session.push(piece) for piece in torch.split(features, [1, 2, 17, 20], -1)], -1
    )
    torch.testing.assert_close(pushed, answers, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.last(features), answers[..., -1:], atol=1e-5, rtol=0)


def test_a_frame_means_the_same_wherever_it_stands_in_a_stream() -> None:
    network, features = stream(), torch.randn(1, 10, 40)
    with torch.no_grad():
        early = network(features)
        late = network(torch.cat([torch.randn(1, 10, 7), features], -1))[..., 7:]
    field = int(network.receptive_field or 0)
    torch.testing.assert_close(late[..., field:], early[..., field:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("context", [1, 2])
def test_the_convolution_alone_tells_the_frames_of_a_window_apart(context: int) -> None:
    network = stream(depth=1, window=6, context=context, frames=1)
    features = torch.randn(1, 10, 30)
    swapped = features.clone()
    swapped[..., [26, 27]] = features[..., [27, 26]]
    with torch.no_grad():
        same = torch.allclose(network.last(features), network.last(swapped), atol=1e-5)
    assert same == (context == 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 3}, "heads: 3 do not divide the 64 values of dim"),
        ({"depth": 0}, "depth: 0 is not above 0"),
    ],
)
@pytest.mark.parametrize("kind", [KeywordTransformerConfig, KeywordTransformerStreamConfig])
def test_sizes_that_cannot_be_are_refused(
    kind: type[Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        kind(**change)
