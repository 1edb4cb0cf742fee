"""How loud speech is, and a clip brought to another's loudness."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import RATE_HZ
from converters import voice
from sonant.audio import Clip
from sonant.conversion import loudness


def clip(gain: float = 1.0) -> Clip:
    return Clip(np.float32(gain) * voice(150.0), RATE_HZ)


def test_half_the_samples_are_six_decibels_less() -> None:
    assert loudness.level_db(clip(0.5)) == pytest.approx(loudness.level_db(clip()) - 6.02, abs=0.01)


def test_pauses_do_not_count() -> None:
    spoken = clip()
    paused = Clip(np.concatenate([spoken.samples, np.zeros(5 * RATE_HZ, np.float32)]), RATE_HZ)
    assert loudness.level_db(paused) == pytest.approx(loudness.level_db(spoken), abs=0.05)


def test_a_clip_is_brought_to_a_level() -> None:
    made = loudness.brought_to(clip(), -30.0)
    assert loudness.level_db(made) == pytest.approx(-30.0, abs=0.01)
    assert made.rate_hz == RATE_HZ


def test_no_sample_is_cut_off() -> None:
    made = loudness.brought_to(clip(), 20.0)
    assert np.abs(made.samples).max() == pytest.approx(loudness.PEAK, abs=1e-6)


def test_silence_stays_silence() -> None:
    silence = Clip(np.zeros(RATE_HZ, np.float32), RATE_HZ)
    assert loudness.level_db(silence) == float("-inf")
    assert loudness.brought_to(silence, -20.0) is silence
    # Nor is anything made as quiet as silence.
    assert loudness.brought_to(clip(), float("-inf")).samples.any()


def test_what_only_hums_under_the_floor_is_silent() -> None:
    assert loudness.is_silent(clip(1e-4))
    assert not loudness.is_silent(clip(0.01))
    assert loudness.is_silent(Clip(np.zeros(0, np.float32), RATE_HZ))
