"""How much of an attack can be heard, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.attacking.quality import measure


def speech(seconds: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    time = np.arange(round(16_000 * seconds)) / 16_000
    swell = np.sin(2 * np.pi * 3 * time) ** 2
    return (0.3 * swell * rng.standard_normal(len(time))).clip(-1, 1).astype(np.float32)


def test_a_tenth_of_the_sound_as_noise_is_20_db() -> None:
    clean = speech()
    found = measure(clean, 1.1 * clean, rate_hz=16_000)
    assert found.snr_db == pytest.approx(20.0, abs=1e-3)
    assert found.max_noise == pytest.approx(0.1 * abs(clean).max(), rel=1e-4)


def test_what_did_not_change_has_no_noise() -> None:
    found = measure(speech(), speech(), rate_hz=16_000)
    assert found.snr_db == float("inf")
    assert found.max_noise == 0.0
