"""The front end for utterances: real frames, and nothing else, are looked at."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sonant.errors import ModelError
from sonant.nn.frontend import FrontEnd
from sonant.nn.utterance import (
    DeepSpeakerFeaturesConfig,
    UtteranceConfig,
    UtteranceFrontEnd,
    bank_on_bins,
    log_mel,
    real_frames,
)

RATE_HZ = 16_000
CONFIGS = (
    UtteranceConfig(),
    UtteranceConfig(mean="none", pre_emphasis=0.97),
    UtteranceConfig(mean="running"),
    DeepSpeakerFeaturesConfig(),
)


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{type(config).__name__}")
def test_frames_are_real_where_their_window_lies_inside_and_zeros_elsewhere(
    config: UtteranceConfig | DeepSpeakerFeaturesConfig,
) -> None:
    front_end = UtteranceFrontEnd(config, rate_hz=RATE_HZ)
    samples, lengths = noise(4, 1, 4000), torch.tensor([4000, 1999, 2000, 17])
    features, mask = front_end(samples, lengths)
    assert features.shape == (4, 64, 23)
    assert mask.sum(1).tolist() == [23, 10, 11, 1]
    assert not features.masked_fill(mask.unsqueeze(1) > 0, 0.0).any()
    for number, length in enumerate(lengths.tolist()):
        alone, whole = front_end(samples[number : number + 1, :, :length])
        assert whole.all()
        count = alone.shape[-1]
        torch.testing.assert_close(features[number, :, :count], alone[0], atol=1e-4, rtol=0)


def test_the_mean_of_each_bin_over_an_utterance_is_zero() -> None:
    front_end = UtteranceFrontEnd(UtteranceConfig(), rate_hz=RATE_HZ)
    features, mask = front_end(noise(2, 1, 4000), torch.tensor([4000, 1500]))
    means = features.sum(-1) / mask.sum(-1, keepdim=True)
    torch.testing.assert_close(means, torch.zeros(2, 64), atol=1e-4, rtol=0)
    louder, _ = front_end(3 * noise(2, 1, 4000), torch.tensor([4000, 1500]))
    torch.testing.assert_close(louder, features, atol=1e-3, rtol=0)


def test_without_a_mean_the_features_are_those_of_the_common_front_end() -> None:
    config = UtteranceConfig(mean="none", min_hz=50.0)
    features, _ = UtteranceFrontEnd(config, rate_hz=RATE_HZ)(noise(2, 1, 4000))
    torch.testing.assert_close(
        features, FrontEnd(log_mel(config), rate_hz=RATE_HZ)(noise(2, 1, 4000))
    )


def test_silence_is_finite() -> None:
    for config in CONFIGS:
        features, _ = UtteranceFrontEnd(config, rate_hz=RATE_HZ)(torch.zeros(1, 1, 4000))
        assert features.isfinite().all()


def by_hand(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features of Deep Speaker by the book: plain loops in double precision."""
    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    edges_mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 66)
    edges = np.floor(513 * 700 * (10 ** (edges_mel / 2595) - 1) / RATE_HZ).astype(int)
    rows = []
    for start in range(0, len(samples) - 400 + 1, 160):
        power = np.abs(np.fft.rfft(emphasised[start : start + 400], 512)) ** 2 / 512
        bands = np.zeros(64)
        for band in range(64):
            left, peak, right = edges[band : band + 3]
            for at in range(left, peak):
                bands[band] += power[at] * (at - left) / (peak - left)
            for at in range(peak, right):
                bands[band] += power[at] * (right - at) / (right - peak)
        bands = np.where(bands == 0, np.finfo(float).eps, bands)
        rows.append((bands - bands.mean()) / max(bands.std(), 1e-12))
    return np.array(rows)


def test_the_features_of_deep_speaker_are_those_by_the_book() -> None:
    samples = noise(1, 1, 4000)
    features, _ = UtteranceFrontEnd(DeepSpeakerFeaturesConfig(), rate_hz=RATE_HZ)(samples)
    wanted = by_hand(samples[0, 0].double().numpy())
    np.testing.assert_allclose(features[0].T.numpy(), wanted, atol=2e-4)


def test_no_filter_on_bins_reaches_over_the_transform() -> None:
    bank = bank_on_bins(64, fft_length=512, rate_hz=RATE_HZ)
    assert bank.shape == (257, 64)
    assert bank.min() >= 0
    assert bank.max() == 1
    assert (bank.sum(0) > 0).sum() >= 60, "few filters fall between two bins"


@pytest.mark.parametrize(("length", "real"), [(0, 1), (400, 1), (559, 1), (560, 2), (4000, 23)])
def test_the_first_frame_is_real_in_any_case(length: int, real: int) -> None:
    mask = real_frames(torch.tensor([length]), frames=23, window=400, hop=160)
    assert mask.sum().item() == real


def test_shapes_that_do_not_fit_are_refused() -> None:
    front_end = UtteranceFrontEnd(UtteranceConfig(), rate_hz=RATE_HZ)
    with pytest.raises(ModelError, match=r"\[batch, 1, samples\]"):
        front_end(torch.zeros(2, 4000))
    with pytest.raises(ModelError, match="one number of samples"):
        front_end(torch.zeros(2, 1, 4000), torch.tensor([1]))
