"""A waveform in bands: each lets through what lies in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.nn.sinc import SincFrontEnd, band_passes
from sonant.nn.spoof_features_config import SincConfig

RATE_HZ = 16_000


@pytest.mark.parametrize("hz", [300.0, 1000.0, 3500.0, 7000.0])
def test_a_tone_is_loudest_in_the_band_that_it_lies_in(hz: float) -> None:
    front_end = SincFrontEnd(SincConfig(), rate_hz=RATE_HZ)
    tone = torch.sin(2 * torch.pi * hz * torch.arange(4000) / RATE_HZ)
    bands, _ = front_end(tone[None, None])
    mel = 2595 * np.log10(1 + hz / 700)
    wanted = int(mel / (2595 * np.log10(1 + 8000 / 700)) * 70)
    assert bands.shape == (1, 70, 4000 - 128)
    assert abs(int(bands.square().sum(-1).argmax()) - wanted) <= 1


def test_the_bands_together_let_everything_through() -> None:
    """All filters sum to one that lets every frequency pass: a pulse, but for the window."""
    whole = band_passes(SincConfig(), rate_hz=RATE_HZ).sum(0)
    pulse = np.zeros(129)
    pulse[64] = 1.0
    np.testing.assert_allclose(whole, pulse, atol=1e-12)


def test_filters_are_symmetric_and_lie_side_by_side() -> None:
    bands = band_passes(SincConfig(filters=8, taps=33), rate_hz=RATE_HZ)
    assert bands.shape == (8, 33)
    np.testing.assert_allclose(bands, bands[:, ::-1], atol=1e-12)


def test_what_stands_behind_a_clip_is_not_looked_at() -> None:
    front_end = SincFrontEnd(SincConfig(filters=6, taps=33), rate_hz=RATE_HZ)
    samples = torch.randn(2, 1, 500, generator=torch.Generator().manual_seed(0))
    bands, mask = front_end(samples, torch.tensor([500, 300]))
    alone, _ = front_end(samples[1:, :, :300])
    assert mask.sum(1).tolist() == [468, 268]
    torch.testing.assert_close(bands[1, :, :268], alone[0])
    assert not bands[1, :, 268:].any()
    assert front_end.samples_for(268) == 300
