"""The front end for speakers that listens while someone speaks."""

from __future__ import annotations

import pytest
import torch

from sonant.errors import ModelError
from sonant.nn.streaming import Session
from sonant.nn.streaming_utterance import StreamingUtteranceFrontEnd
from sonant.nn.utterance_config import DeepSpeakerFeaturesConfig, UtteranceConfig

RUNNING = UtteranceConfig(mean="running", mels=20)


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_utterances_are_streams_of_their_own() -> None:
    front_end = StreamingUtteranceFrontEnd(RUNNING, rate_hz=16_000)
    samples, lengths = noise(3, 1, 4000), torch.tensor([4000, 1999, 50])
    features, mask = front_end.utterances(samples, lengths)
    assert features.shape == (3, 20, 25)
    assert mask.sum(1).tolist() == [25, 12, 1]
    for number in (0, 1):
        session = Session(front_end)
        heard = session.push(samples[number : number + 1, :, : int(lengths[number])])
        count = int(mask[number].sum())
        torch.testing.assert_close(features[number, :, :count], heard[0], atol=1e-4, rtol=0)
    assert not features.masked_fill(mask.unsqueeze(1) > 0, 0.0).any()


def test_the_mean_so_far_is_taken_from_each_frame() -> None:
    plain = StreamingUtteranceFrontEnd(UtteranceConfig(mean="none", mels=20), rate_hz=16_000)
    samples = noise(1, 1, 4000)
    raw, given = plain(samples), StreamingUtteranceFrontEnd(RUNNING, rate_hz=16_000)(samples)
    for frame in (0, 5, 24):
        wanted = raw[..., frame] - raw[..., : frame + 1].mean(-1)
        torch.testing.assert_close(given[..., frame], wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("config", [UtteranceConfig(), DeepSpeakerFeaturesConfig()])
def test_settings_that_need_the_whole_utterance_are_refused(
    config: UtteranceConfig | DeepSpeakerFeaturesConfig,
) -> None:
    with pytest.raises(ModelError, match=r"front_end.mean = 'running'"):
        StreamingUtteranceFrontEnd(config, rate_hz=16_000)
