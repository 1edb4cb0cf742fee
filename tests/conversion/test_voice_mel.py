"""The numpy twin of the mel spectrogram hears what the model hears, and magnitudes come back from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.conversion import voice_mel
from sonant.conversion.voice_mel import log_mel, magnitudes_of
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd, bank_of
from sounds import tone, white

RATE_HZ = 16_000
SMALL = VoiceMel(window_length=256, hop_length=64, mels=20)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.integers(1, 9000),
    loud=st.sampled_from([0.0, 1e-4, 0.1, 1.0]),
    small=st.booleans(),
    seed=st.integers(0, 9),
)
def test_the_twins_agree_on_any_sound(samples: int, loud: float, small: bool, seed: int) -> None:
    config = SMALL if small else VoiceMel()
    sound = loud * white(1, length=samples, seed=seed)
    wanted = VoiceMelFrontEnd(config, rate_hz=RATE_HZ)(sound.unsqueeze(1))[0].numpy()
    found = log_mel(sound[0].numpy(), config, rate_hz=RATE_HZ)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_a_long_sound_is_worked_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = white(1, length=20_000)[0].numpy()
    whole = log_mel(sound, VoiceMel(), rate_hz=RATE_HZ)
    monkeypatch.setattr(voice_mel, "PIECE_FRAMES", 7)
    np.testing.assert_allclose(log_mel(sound, VoiceMel(), rate_hz=RATE_HZ), whole, atol=1e-5)


@pytest.mark.parametrize("config", [VoiceMel(), SMALL], ids=["80", "20"])
def test_magnitudes_have_the_mel_they_were_found_for(config: VoiceMel) -> None:
    sound = (white(1)[0] * 0.3 + tone(440.0) * 0.5).numpy()
    mel = log_mel(sound, config, rate_hz=RATE_HZ)
    magnitudes = magnitudes_of(mel, config, rate_hz=RATE_HZ)
    assert magnitudes.shape == (config.bins, config.frames(len(sound)))
    assert magnitudes.min() >= 0
    again = magnitudes.T @ bank_of(config, rate_hz=RATE_HZ)
    wanted = np.exp(mel.T)
    assert np.abs(again - wanted).sum() < 0.03 * wanted.sum()


def test_more_rounds_come_nearer() -> None:
    mel = log_mel(white(1)[0].numpy(), VoiceMel(), rate_hz=RATE_HZ)
    bank, wanted = bank_of(VoiceMel(), rate_hz=RATE_HZ), np.exp(mel.T)

    def apart(rounds: int) -> float:
        found = magnitudes_of(mel, VoiceMel(), rate_hz=RATE_HZ, rounds=rounds)
        return float(np.abs(found.T @ bank - wanted).mean())

    assert apart(40) < apart(5) < apart(0)


def test_silence_has_magnitudes_that_are_silent() -> None:
    mel = VoiceMelFrontEnd(VoiceMel(), rate_hz=RATE_HZ)(torch.zeros(1, 1, 4000))[0].numpy()
    assert magnitudes_of(mel, VoiceMel(), rate_hz=RATE_HZ).max() < 1e-2
