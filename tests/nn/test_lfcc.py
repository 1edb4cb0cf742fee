"""Linear-frequency cepstra: by the book, and of real frames alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sonant.errors import ModelError
from sonant.nn.lfcc import LfccFrontEnd, change, linear_bank
from sonant.nn.spoof_features_config import LfccConfig

RATE_HZ = 16_000


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def by_hand(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """[samples] -> [60, frames], with plain loops in double precision."""
    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    rows = []
    for start in range(0, len(samples) - 320 + 1, 160):
        window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 320)
        power = np.abs(np.fft.rfft(emphasised[start : start + 320] * window, 1024)) ** 2
        edges = np.linspace(0, 4000, 22)
        energies = np.zeros(20)
        for band in range(20):
            left, peak, right = edges[band : band + 3]
            for number in range(257):
                hz = number * RATE_HZ / 1024
                rise, fall = (hz - left) / (peak - left), (right - hz) / (right - peak)
                energies[band] += power[number] * max(0.0, min(rise, fall))
        logs = np.log10(energies + np.finfo(np.float32).eps)
        cepstra = [
            math.sqrt((1 if n == 0 else 2) / 20)
            * sum(logs[m] * math.cos(math.pi * n * (m + 0.5) / 20) for m in range(20))
            for n in range(20)
        ]
        cepstra[0] = math.log10(power[:257].sum() / 1024 + np.finfo(np.float32).eps)
        rows.append(cepstra)
    table = np.array(rows)
    deltas = differences(table)
    return np.concatenate([table, deltas, differences(deltas)], axis=1).T


def differences(table: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.concatenate([table[:1], table, table[-1:]])
    return padded[2:] - padded[:-2]


def test_the_features_are_those_by_the_book() -> None:
    samples = noise(1, 1, 4000)
    features, mask = LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)(samples)
    assert mask.all()
    np.testing.assert_allclose(
        features[0].numpy(), by_hand(samples[0, 0].double().numpy()), atol=2e-4
    )


def test_frames_are_real_where_their_window_lies_inside_and_zeros_elsewhere() -> None:
    front_end = LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)
    samples, lengths = noise(4, 1, 4000), torch.tensor([4000, 1999, 1920, 17])
    features, mask = front_end(samples, lengths)
    assert features.shape == (4, 60, 24)
    assert mask.sum(1).tolist() == [24, 11, 11, 1]
    assert not features.masked_fill(mask.unsqueeze(1) > 0, 0.0).any()
    for number, length in enumerate(lengths.tolist()):
        alone, whole = front_end(samples[number : number + 1, :, :length])
        assert whole.all()
        count = alone.shape[-1]
        torch.testing.assert_close(features[number, :, :count], alone[0], atol=1e-4, rtol=0)


def test_what_stands_behind_a_clip_is_not_looked_at() -> None:
    front_end = LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)
    samples, lengths = noise(2, 1, 4000), torch.tensor([2000, 4000])
    spoiled = samples.clone()
    spoiled[0, :, 2000:] = math.nan
    for one, other in zip(front_end(samples, lengths), front_end(spoiled, lengths), strict=True):
        assert torch.equal(one, other)


def test_both_transforms_give_the_same() -> None:
    front_end = LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)
    fast, _ = front_end(noise(1, 1, 4000))
    front_end.dft = "matmul"
    torch.testing.assert_close(front_end(noise(1, 1, 4000))[0], fast, atol=1e-3, rtol=0)


def test_silence_is_finite_and_does_not_change() -> None:
    features, _ = LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)(torch.zeros(1, 1, 4000))
    assert features.isfinite().all()
    assert not features[:, 20:].any()


def test_a_change_is_the_next_frame_less_the_one_before_with_the_ends_said_twice() -> None:
    features = torch.tensor([[[1.0, 4.0, 9.0, 99.0]]])
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert change(features, mask)[0, 0, :3].tolist() == [3.0, 8.0, 5.0]


def test_the_shortest_clip_of_some_frames_has_them_and_one_sample_less_has_not() -> None:
    front_end = LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)
    length = front_end.samples_for(16)
    assert front_end(noise(1, 1, length))[1].sum() == 16
    assert front_end(noise(1, 1, length - 1))[1].sum() == 15


def test_filters_are_even_in_hertz_and_overlap_to_one_between_the_outer_peaks() -> None:
    bank = linear_bank(LfccConfig(max_hz=None), rate_hz=RATE_HZ)
    assert bank.shape == (513, 20)
    peaks_hz = bank.argmax(0) * RATE_HZ / 1024
    np.testing.assert_allclose(np.diff(peaks_hz), 8000 / 21, atol=16)
    inner = bank[bank.argmax(0)[0] : bank.argmax(0)[-1] + 1].sum(1)
    np.testing.assert_allclose(inner, 1.0, atol=0.05)


def test_a_band_that_the_rate_does_not_allow_is_refused() -> None:
    with pytest.raises(ModelError, match=r"max_hz: 4000 Hz is above half"):
        LfccFrontEnd(LfccConfig(), rate_hz=4000)
    with pytest.raises(ModelError, match="coefficients: 20 filters"):
        LfccFrontEnd(LfccConfig(window_length=32, hop_length=16, fft_length=32), rate_hz=RATE_HZ)
    with pytest.raises(ModelError, match=r"\[batch, 1, samples\]"):
        LfccFrontEnd(LfccConfig(), rate_hz=RATE_HZ)(torch.zeros(2, 4000))
