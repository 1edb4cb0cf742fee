"""The table of networks for speakers."""

from __future__ import annotations

import pytest
import torch

from small_embedders import RATE_HZ, SMALL, features_of, small_embedder
from sonant.models.embedder import StreamingSpeakerEmbedder
from sonant.models.embedders import EMBEDDERS, build_embedder
from sonant.nn.streaming import Streamable


@pytest.mark.parametrize("name", EMBEDDERS)
def test_a_config_builds_its_network(name: str) -> None:
    config, kind = EMBEDDERS[name]
    assert type(SMALL[name]) is config
    embedder = build_embedder(features_of(name), SMALL[name], rate_hz=RATE_HZ)
    assert type(embedder.network) is kind
    assert isinstance(embedder, StreamingSpeakerEmbedder) == issubclass(kind, Streamable)


@pytest.mark.parametrize("name", EMBEDDERS)
def test_what_was_learned_goes_into_a_fresh_one(name: str) -> None:
    embedder = small_embedder(name)
    other = build_embedder(features_of(name), SMALL[name], rate_hz=RATE_HZ).eval()
    other.load_state_dict(embedder.state_dict())
    samples = torch.randn(1, 1, 2000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(other(samples), embedder(samples))


def test_no_name_is_that_of_a_network_for_keywords() -> None:
    from sonant.models import MODELS

    assert not EMBEDDERS.keys() & MODELS.keys()
