"""Intelligibility: a number where a library can give one, None where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from sonant import intelligibility
from sonant.audio import Samples
from sonant.intelligibility import pesq, stoi

RATE_HZ = 16_000


def speech(seconds: float = 2.0) -> Samples:
    """Noise that swells as syllables do."""
    rng = np.random.default_rng(0)
    time = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    swell = np.sin(2 * np.pi * 3 * time) ** 2
    return (0.3 * swell * rng.standard_normal(len(time))).clip(-1, 1).astype(np.float32)


def test_a_sound_is_as_clear_as_itself_and_noise_makes_it_less_so() -> None:
    pytest.importorskip("pystoi")
    clean = speech()
    noise = np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    near = stoi(clean, clean + 0.001 * noise, rate_hz=RATE_HZ)
    far = stoi(clean, clean + 0.3 * noise, rate_hz=RATE_HZ)
    assert stoi(clean, clean, rate_hz=RATE_HZ) == pytest.approx(1.0, abs=1e-3)
    assert near is not None
    assert far is not None
    assert far < near < 1.0


def test_too_little_speech_says_nothing() -> None:
    pytest.importorskip("pystoi")
    assert stoi(speech(0.1), speech(0.1), rate_hz=RATE_HZ) is None


def test_quality_is_defined_at_one_rate_alone() -> None:
    assert pesq(speech(), speech(), rate_hz=8_000) is None


def test_without_the_libraries_the_figures_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(intelligibility, "import_module", missing)
    assert stoi(speech(), speech(), rate_hz=RATE_HZ) is None
    assert pesq(speech(), speech(), rate_hz=RATE_HZ) is None
