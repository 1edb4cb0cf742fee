"""The second network of Deep Speaker."""

from __future__ import annotations

import pytest
import torch

from sonant.errors import RecipeError
from sonant.models.deep_speaker_gru import DeepSpeakerGRU, DeepSpeakerGRUConfig


def test_it_has_the_paper_s_23m_parameters() -> None:
    with torch.device("meta"):
        network = DeepSpeakerGRU(DeepSpeakerGRUConfig(), bins=64)
    assert sum(weight.numel() for weight in network.parameters()) == 22_565_120


@torch.no_grad()
def test_frames_come_in_their_order() -> None:
    """Recurrent layers run over frames, not over the batch: a shuffled utterance is another one."""
    network = DeepSpeakerGRU(DeepSpeakerGRUConfig(channels=4, hidden=8, size=6), bins=8).eval()
    features = torch.randn(3, 8, 40, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(3, 40)
    answer = network(features, mask)
    assert not torch.allclose(network(features.flip(-1), mask), answer, atol=1e-4)
    torch.testing.assert_close(network(features.flip(0), mask), answer.flip(0))


def test_settings_that_make_no_network_are_refused() -> None:
    with pytest.raises(RecipeError, match="layers: 0"):
        DeepSpeakerGRUConfig(layers=0)
