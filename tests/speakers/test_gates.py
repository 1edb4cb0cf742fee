"""Enough speech or not: real speech goes through; silence, hum, noise and music do not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from not_speech import NOT_SPEECH, RATE_HZ, white
from sonant import audio
from sonant.audio import Clip
from sonant.errors import AudioError
from sonant.speakers.gates import SNR_DB, Gate, Quality, measure


def spoken(folder: Path, name: str, *, clips: int) -> list[Clip]:
    """Some clips of a set, spread over its speakers."""
    with (folder / name / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["label"] != "_silence_"]
    chosen = rows[:: max(1, len(rows) // clips)][:clips]
    return [audio.read(folder / name / row["file"]) for row in chosen]


@pytest.fixture(scope="module")
def sentence(shared_data: Path) -> Clip:
    """One sentence of a reader, 16 kHz."""
    return spoken(shared_data, "librispeech_mini", clips=1)[0]


@pytest.mark.parametrize("name", NOT_SPEECH)
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_what_is_not_speech_is_not_enough_speech(name: str, rate_hz: int) -> None:
    clip = audio.resample(Clip(NOT_SPEECH[name], RATE_HZ), rate_hz)
    quality = measure(clip.samples, clip.rate_hz)
    assert Gate().objection(quality).startswith("not enough speech"), quality


@pytest.mark.parametrize("length", [0, 1, 100, 256, 1000])
def test_next_to_nothing_is_not_enough(length: int) -> None:
    quality = measure(white()[:length], RATE_HZ)
    assert Gate().objection(quality).startswith("not enough speech")


def test_samples_that_are_none_are_refused() -> None:
    with pytest.raises(AudioError, match="want finite numbers"):
        measure(np.full(100, np.nan, np.float32), RATE_HZ)
    with pytest.raises(AudioError, match=r"samples \[2, 100\]"):
        measure(np.zeros((2, 100), np.float32), RATE_HZ)


def test_the_objection_says_what_is_missing() -> None:
    gate = Gate(speech_s=1.0, snr_db=3.0)
    assert gate.objection(Quality(speech_s=1.0, snr_db=3.0)) == ""
    short = gate.objection(Quality(speech_s=0.75, snr_db=30.0))
    assert short == "not enough speech: 0.75 s, want 1 s"
    noisy = gate.objection(Quality(speech_s=5.0, snr_db=-4.0))
    assert noisy == "too noisy: -4 dB of speech over noise, want 3"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "clips", "least"),
    [("librispeech_mini", 25, 1.0), ("vctk_mini", 12, 1.0), ("speech_commands", 60, 0.88)],
)
def test_real_speech_goes_through(shared_data: Path, name: str, clips: int, least: float) -> None:
    told = [
        Gate().objection(measure(clip.samples, clip.rate_hz))
        for clip in spoken(shared_data, name, clips=clips)
    ]
    assert np.mean([not objection for objection in told]) >= least, told


@pytest.mark.shared
@pytest.mark.parametrize("sound", ["rain", "sea_waves", "helicopter", "fire_crackling"])
def test_real_noise_does_not(shared_data: Path, sound: str) -> None:
    for path in sorted((shared_data / "esc10" / sound).iterdir()):
        clip = audio.read(path)
        quality = measure(clip.samples, clip.rate_hz)
        assert Gate().objection(quality).startswith("not enough speech"), (path.name, quality)


@pytest.mark.shared
def test_level_does_not_matter(sentence: Clip) -> None:
    loud, quiet = (
        measure(np.float32(gain) * sentence.samples, sentence.rate_hz) for gain in (1.0, 0.003)
    )
    assert quiet.speech_s == pytest.approx(loud.speech_s, rel=0.01)
    assert quiet.snr_db == pytest.approx(loud.snr_db, abs=0.1)


@pytest.mark.shared
def test_silence_around_speech_adds_no_speech(sentence: Clip) -> None:
    before = measure(sentence.samples, sentence.rate_hz).speech_s
    pause = np.float32(1e-4) * white()
    longer = np.concatenate([pause, sentence.samples, pause])
    after = measure(longer, sentence.rate_hz).speech_s
    assert before > 0.4 * sentence.duration_s
    assert after == pytest.approx(before, rel=0.15)


@pytest.mark.shared
def test_a_long_recording_is_the_sum_of_its_parts(sentence: Clip) -> None:
    once = measure(sentence.samples, sentence.rate_hz)
    times = int(130 / sentence.duration_s)
    many = measure(np.tile(sentence.samples, times), sentence.rate_hz)
    assert many.speech_s == pytest.approx(times * once.speech_s, rel=0.1)
    assert many.snr_db == pytest.approx(once.snr_db, abs=3.0)


@pytest.mark.shared
def test_more_noise_is_a_lower_ratio(sentence: Clip) -> None:
    noise = np.resize(white(1.0), len(sentence.samples))
    level = float(np.sqrt(np.mean(sentence.samples**2)))
    ratios = [
        measure(sentence.samples + np.float32(level / 10 ** (db / 20)) * noise, RATE_HZ).snr_db
        for db in (40, 25, 15, 5)
    ]
    assert ratios == sorted(ratios, reverse=True)
    # The level of the clip has pauses in it, and that of speech has none.
    for db, found in zip((25, 15, 5), ratios[1:], strict=True):
        assert db - 3.0 < found < db + 10.0
    assert all(SNR_DB[0] <= ratio <= SNR_DB[1] for ratio in ratios)
