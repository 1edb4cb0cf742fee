"""A replay is the same speech in the same room, from a loudspeaker."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.audio import Clip
from sonant.spoofing import replaying
from sonant.spoofing.replaying import Room

RATE_HZ = 16_000


def noise(seconds: float = 1.0, *, seed: int = 0) -> Clip:
    """White noise, in which every band of a loudspeaker shows."""
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.standard_normal(round(seconds * RATE_HZ))
    return Clip(samples.astype(np.float32), RATE_HZ)


def level_db(clip: Clip, low_hz: float, high_hz: float) -> float:
    """Mean power of a band, in decibels."""
    power = np.abs(np.fft.rfft(clip.samples.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(clip.samples), 1 / clip.rate_hz)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean()))


def rms(clip: Clip) -> float:
    return float(np.sqrt(np.square(clip.samples, dtype=np.float64).mean()))


@pytest.mark.parametrize("way", [replaying.live, replaying.replayed])
def test_a_clip_keeps_its_length_rate_and_level_and_its_seed_says_the_rest(way: object) -> None:
    clip = noise()
    once, again, other = (way(clip, seed=seed) for seed in (3, 3, 4))  # type: ignore[operator]
    assert (len(once.samples), once.rate_hz) == (len(clip.samples), clip.rate_hz)
    assert rms(once) == pytest.approx(rms(clip), rel=1e-3)
    np.testing.assert_array_equal(once.samples, again.samples)
    assert not np.allclose(once.samples, other.samples)


def test_a_loudspeaker_loses_the_ends_of_the_band_and_a_mouth_does_not() -> None:
    clip = noise(4.0)
    played, live = replaying.replayed(clip, seed=1), replaying.live(clip, seed=1)
    for band in ((0.0, 60.0), (7600.0, 8000.0)):
        lost = level_db(played, *band) - level_db(played, 1000.0, 3000.0)
        kept = level_db(live, *band) - level_db(live, 1000.0, 3000.0)
        assert lost < kept - 3.0


def test_replay_and_live_speech_of_a_seed_are_in_one_room() -> None:
    click = np.zeros(RATE_HZ, np.float32)
    click[100] = 0.5
    heard = replaying.live(Clip(click, RATE_HZ), seed=5).samples
    played = replaying.replayed(Clip(click, RATE_HZ), seed=5).samples
    other = replaying.live(Clip(click, RATE_HZ), seed=6).samples

    def alike(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
        return float(np.corrcoef(one[200:3000], two[200:3000])[0, 1])

    assert alike(heard, played) > 0.5 > abs(alike(heard, other))


def test_a_rooms_sound_falls_by_60_db_in_its_time_and_lies_under_the_direct_sound() -> None:
    room = Room(t60_s=0.4, direct_db=6.0)
    response = room.response(np.random.default_rng(0), rate_hz=RATE_HZ)
    assert response[0] == 1.0
    assert 10 * np.log10(np.square(response[1:]).sum()) == pytest.approx(-6.0)
    early, late = (np.square(response[a : a + 800]).mean() for a in (400, 3600))
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.2 / 0.4, abs=2.0)


def test_silence_stays_silent_and_an_empty_clip_empty() -> None:
    for count in (0, 400):
        silent = Clip(np.zeros(count, np.float32), RATE_HZ)
        for made in (replaying.live(silent, seed=0), replaying.replayed(silent, seed=0)):
            np.testing.assert_array_equal(made.samples, silent.samples)


def test_no_sample_is_cut_off_however_the_room_stacks_them() -> None:
    samples = np.sign(np.sin(np.arange(RATE_HZ) / 7)).astype(np.float32)
    for seed in range(5):
        made = replaying.replayed(Clip(samples, RATE_HZ), seed=seed)
        assert np.abs(made.samples).max() <= 1.0
