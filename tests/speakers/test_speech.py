"""What a second of sound is like: pitch, level, and the table the weights belong to."""

from __future__ import annotations

import numpy as np
import pytest

from not_speech import NOT_SPEECH
from sonant.speakers import speech, speech_weights
from sonant.speakers.gates import log_odds


def harmonic(hz: float, *, level: float = 0.3) -> np.ndarray:
    time_s = np.arange(speech.RATE_HZ) / speech.RATE_HZ
    wave = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 6))
    return (level * wave).astype(np.float32)


@pytest.mark.parametrize("hz", [80.0, 123.0, 250.0, 350.0])
def test_the_pitch_of_a_voice_is_found(hz: float) -> None:
    frames = speech.analyse(harmonic(hz))
    found = speech.RATE_HZ / np.median(frames.lag)
    assert found == pytest.approx(hz, rel=0.02)
    assert np.median(frames.voicing) > 0.9


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(speech.RATE_HZ).astype(np.float32)
    assert np.median(speech.analyse(noise).voicing) < 0.5


def test_level_does_not_matter() -> None:
    loud, quiet = (speech.describe(speech.analyse(harmonic(120.0, level=x))) for x in (0.5, 0.005))
    np.testing.assert_allclose(quiet, loud, atol=1e-3)


@pytest.mark.parametrize("name", NOT_SPEECH)
@pytest.mark.parametrize("length", [1, 200, 256, 400, 8000])
def test_every_sound_of_every_length_has_finite_numbers(name: str, length: int) -> None:
    frames = speech.analyse(NOT_SPEECH[name][:length])
    numbers = speech.describe(frames)
    assert np.isfinite(numbers).all()
    assert len(numbers) == speech_weights.table().shape[1]
    assert np.isfinite(log_odds(numbers))


def test_the_table_has_a_name_and_a_spread_for_every_number() -> None:
    names = [row[0] for row in speech_weights.FEATURES]
    assert len(set(names)) == len(names)
    _, spread, _ = speech_weights.table()
    assert (spread > 0).all()
