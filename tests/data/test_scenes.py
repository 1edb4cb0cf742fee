from __future__ import annotations

import numpy as np
import pytest

from sonant.audio import Clip, Samples
from sonant.data import scenes

RATE_HZ = 16000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def power_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def word(length: int = 8000) -> Samples:
    tone = np.sin(2 * np.pi * 440 * np.arange(length) / RATE_HZ)
    return np.asarray(np.sqrt(2) * tone, np.float32)


def scene(
    samples: Samples,
    *,
    shift: int = 0,
    snr_db: float = 200.0,
    level_db: float = -20.0,
    echo: float = 0.0,
    seed: int = 0,
) -> Samples:
    return scenes.scene(
        samples,
        RATE_HZ,
        rate_hz=RATE_HZ,
        shift=shift,
        snr_db=(snr_db, snr_db),
        level_db=(level_db, level_db),
        echo_share=echo,
        rng=rng(seed),
    )


@pytest.mark.parametrize(("name", "slope_db"), [("white", 0.0), ("pink", -3.0), ("brown", -6.0)])
def test_noises_fall_by_their_decibels_an_octave(name: str, slope_db: float) -> None:
    noise = scenes.coloured(1 << 18, fall=scenes.FALLS[name], rate_hz=RATE_HZ, rng=rng())
    power = np.abs(np.fft.rfft(noise)) ** 2
    octave = 1 << 14  # 1 kHz
    low, high = power[octave : octave + 400].mean(), power[4 * octave : 4 * octave + 400].mean()
    assert 10 * np.log10(high / low) / 2 == pytest.approx(slope_db, abs=0.5)
    assert power_db(noise) == pytest.approx(0.0, abs=1e-3)


def test_hum_sounds_at_the_mains_and_its_overtones() -> None:
    power = np.abs(np.fft.rfft(scenes.hum(RATE_HZ, mains_hz=50.0, rate_hz=RATE_HZ, rng=rng()))) ** 2
    assert power[50:651:50].sum() > 0.8 * power.sum()


def test_babble_fills_its_whole_length() -> None:
    sound = scenes.babble([word(3000), word(5000)], 2 * RATE_HZ, voices=6, rng=rng())
    assert power_db(sound) == pytest.approx(0.0, abs=1e-3)
    assert all(np.abs(sound[at : at + 4000]).max() > 0.1 for at in range(0, 2 * RATE_HZ, 4000))


def test_silence_around_a_word_is_taken_off() -> None:
    padded = np.concatenate([np.zeros(4000), 0.1 * word(8000), np.zeros(6000)]).astype(np.float32)
    only = scenes.word_only(Clip(padded, RATE_HZ), rate_hz=RATE_HZ)
    assert len(only) == pytest.approx(8000, abs=40)
    assert power_db(only) == pytest.approx(0.0, abs=1e-3)


def test_a_word_comes_at_the_rate_asked_for() -> None:
    assert len(scenes.word_only(Clip(word(), RATE_HZ), rate_hz=8000)) == pytest.approx(4000, abs=40)


def test_a_word_stands_in_the_middle_give_or_take_the_shift() -> None:
    starts = [
        int(np.flatnonzero(np.abs(scene(word(), shift=800, seed=seed)) > 1e-3)[0])
        for seed in range(60)
    ]
    assert min(starts) >= 4000 - 800
    assert max(starts) <= 4000 + 800 + 2
    assert np.ptp(starts) > 800


def test_a_word_as_long_as_its_clip_is_whole() -> None:
    full = scene(word(RATE_HZ), shift=800)
    np.testing.assert_allclose(full, 0.1 * word(RATE_HZ), atol=1e-5)


def test_level_and_noise_are_as_asked() -> None:
    quiet = scene(word(), level_db=-26.0)
    assert power_db(quiet[4000:12000]) == pytest.approx(-26.0, abs=0.1)
    noisy = scene(word(), level_db=-26.0, snr_db=10.0)
    assert power_db(np.concatenate([noisy[:3900], noisy[12100:]])) == pytest.approx(-36.0, abs=2.0)


def test_nothing_clips() -> None:
    loud = scene(word(), level_db=6.0)
    assert np.abs(loud).max() == pytest.approx(scenes.PEAK, abs=1e-3)


def test_a_room_lets_the_word_ring_on() -> None:
    dry, wet = scene(word()), scene(word(), echo=1.0)
    after = slice(12050, 13000)
    assert power_db(wet[after]) > power_db(dry[after]) + 40
    np.testing.assert_allclose(wet[4000:4040], dry[4000:4040], atol=1e-4)
