"""The mark in the sound: found again after what happens to files, and not found where it is not."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from converters import voice
from sonant import audio
from sonant.audio import Clip
from sonant.conversion import watermark
from sonant.conversion.payload import Payload
from sonant.errors import AudioError

SAYS = Payload.of("c0ffe")
SPOKEN = Clip(voice(130.0, seconds=10.0), RATE_HZ)


@pytest.fixture(scope="module")
def marked() -> Clip:
    return watermark.embed(SPOKEN, SAYS)


def sixteen_bits(clip: Clip) -> Clip:
    return Clip(audio.from_pcm16(audio.to_pcm16(clip.samples)), clip.rate_hz)


def gain(clip: Clip) -> Clip:
    return sixteen_bits(Clip(np.float32(0.1) * clip.samples, clip.rate_hz))


def cropped(clip: Clip) -> Clip:
    return Clip(clip.samples[31_337:-12_345], clip.rate_hz)


def telephone(clip: Clip) -> Clip:
    return sixteen_bits(audio.resample(clip, 8_000))


def studio(clip: Clip) -> Clip:
    return audio.resample(clip, 44_100)


def noisy(clip: Clip) -> Clip:
    noise = np.random.default_rng(0).standard_normal(len(clip.samples)).astype(np.float32)
    return Clip(clip.samples + np.float32(0.001) * noise, clip.rate_hz)


def through(format: str, subtype: str) -> Callable[[Clip], Clip]:
    def coded(clip: Clip) -> Clip:
        target = io.BytesIO()
        soundfile.write(target, clip.samples, clip.rate_hz, format=format, subtype=subtype)
        return audio.read(target.getvalue())

    return coded


@pytest.mark.parametrize(
    "after", [sixteen_bits, gain, telephone, studio, noisy, through("FLAC", "PCM_16")]
)
def test_the_mark_is_found_and_read_after(marked: Clip, after: Callable[[Clip], Clip]) -> None:
    found = watermark.find(after(marked))
    assert found.marked
    assert found.says == SAYS


@pytest.mark.parametrize("after", [cropped, lambda clip: cropped(telephone(clip))])
def test_the_mark_is_found_in_a_part(marked: Clip, after: Callable[[Clip], Clip]) -> None:
    assert watermark.find(after(marked)).marked


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[Clip]:
    """Recordings of 12 seconds and more."""
    with (shared_data / "librispeech_mini/manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if float(row["seconds"]) > 12]
    return [audio.read(shared_data / "librispeech_mini" / row["file"]) for row in rows[::12]]


@pytest.mark.parametrize(
    "after",
    [through("OGG", "VORBIS"), through("OGG", "OPUS"), through("MP3", "MPEG_LAYER_III")],
    ids=["vorbis", "opus", "mp3"],
)
def test_codecs_leave_the_mark_in_most_recordings(
    real: list[Clip], after: Callable[[Clip], Clip]
) -> None:
    found = [watermark.find(after(watermark.embed(clip, SAYS))) for clip in real[:6]]
    assert sum(one.marked for one in found) >= 4
    # What is read at all is right.
    assert {one.says for one in found} <= {SAYS, None}


def test_it_cannot_be_heard(marked: Clip) -> None:
    added = marked.samples - SPOKEN.samples
    assert marked.samples.shape == SPOKEN.samples.shape
    level = np.square(SPOKEN.samples).mean() / np.square(added).mean()
    assert 10 * np.log10(level) > 30
    # Where there is nothing, nothing is added.
    silence = watermark.embed(Clip(np.zeros(5000, np.float32), RATE_HZ), SAYS)
    assert not silence.samples.any()


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
def test_any_rate_can_be_marked(rate_hz: int) -> None:
    clip = audio.resample(SPOKEN, rate_hz)
    made = watermark.embed(clip, SAYS)
    assert (made.rate_hz, len(made.samples)) == (rate_hz, len(clip.samples))
    assert watermark.find(made).says == SAYS


def test_another_key_finds_nothing(marked: Clip) -> None:
    assert not watermark.find(marked, key="another").marked
    own = watermark.embed(SPOKEN, SAYS, key="another")
    assert watermark.find(own, key="another").says == SAYS
    assert not watermark.find(own).marked


def test_a_mark_in_a_part_of_a_long_sound_is_found_there(marked: Clip) -> None:
    before = np.tile(SPOKEN.samples, 8)
    found = watermark.find(Clip(np.concatenate([before, marked.samples]), RATE_HZ))
    assert found.marked
    assert found.start_s == 64.0


def hum(seconds: float) -> Clip:
    time_s = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    return Clip((0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32), RATE_HZ)


@pytest.mark.parametrize(
    "clip",
    [
        SPOKEN,
        hum(20.0),
        hum(3.0),
        Clip(np.zeros(RATE_HZ, np.float32), RATE_HZ),
        Clip(np.zeros(0, np.float32), RATE_HZ),
        Clip(np.ones(10, np.float32), RATE_HZ),
        Clip(np.tile(voice(200.0, seconds=1.024), 20), RATE_HZ),
        Clip(np.sign(hum(5.0).samples), RATE_HZ),
    ],
    ids=["voice", "hum", "short hum", "silence", "nothing", "click", "loop", "square"],
)
def test_no_mark_is_found_where_there_is_none(clip: Clip) -> None:
    found = watermark.find(clip)
    assert not found.marked
    assert found.says is None


def test_noise_does_not_reach_the_threshold() -> None:
    random = np.random.default_rng(0)
    noise = random.standard_normal((60, 3 * RATE_HZ)).astype(np.float32) * np.float32(0.1)
    assert max(watermark.find(Clip(one, RATE_HZ)).score for one in noise) < watermark.THRESHOLD


def test_real_speech_does_not_reach_the_threshold(real: list[Clip]) -> None:
    size = 4 * RATE_HZ
    parts = [
        Clip(clip.samples[start : start + size], RATE_HZ)
        for clip in real
        for start in range(0, len(clip.samples) - size, size)
    ]
    scores = [watermark.find(part).score for part in parts]
    assert len(scores) > 40
    assert max(scores) < watermark.THRESHOLD


def test_samples_that_are_no_numbers_are_refused() -> None:
    broken = Clip(np.full(RATE_HZ, np.nan, np.float32), RATE_HZ)
    with pytest.raises(AudioError, match="carry no mark"):
        watermark.find(broken)
    with pytest.raises(AudioError, match="carry no mark"):
        watermark.embed(broken, SAYS)
