"""Any file becomes mono float samples, and any length becomes the one wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sonant import audio
from sonant.audio import Clip
from sonant.errors import AudioError

RAMP = np.arange(1, 5, dtype=np.float32) / 8


def tone(rate_hz: int, *, hz: float = 440.0, seconds: float = 0.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)).astype(
        np.float32
    )


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "au", "caf", "mp3"])
def test_reads_what_libsndfile_knows(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"clip.{suffix}"
    soundfile.write(file, tone(16_000), 16_000)
    clip = audio.read(file)
    assert clip.rate_hz == 16_000
    assert clip.duration_s == pytest.approx(0.5, abs=0.1)
    assert np.abs(clip.samples).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"]
)
def test_every_sample_format_gives_the_same_sound(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "clip.wav", tone(8000), 8000, subtype=subtype)
    np.testing.assert_allclose(audio.read(tmp_path / "clip.wav").samples, tone(8000), atol=0.03)


def test_channels_are_averaged(tmp_path: Path) -> None:
    both = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    soundfile.write(tmp_path / "clip.wav", both, 8000, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(tmp_path / "clip.wav").samples, 0.125)


@pytest.mark.parametrize("native_hz", [8000, 11_025, 22_050, 44_100, 48_000])
def test_any_rate_is_resampled_without_moving_a_tone(tmp_path: Path, native_hz: int) -> None:
    soundfile.write(tmp_path / "clip.wav", tone(native_hz, hz=1000), native_hz)
    clip = audio.read(tmp_path / "clip.wav", rate_hz=16_000)
    assert len(clip.samples) == pytest.approx(8000, abs=2)
    spectrum = np.abs(np.fft.rfft(clip.samples[:8000]))
    assert spectrum.argmax() * 16_000 / 8000 == pytest.approx(1000, abs=4)


def test_a_segment_is_cut_in_seconds(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "clip.wav", np.arange(800) / 1000, 800, subtype="FLOAT")
    clip = audio.read(tmp_path / "clip.wav", start_s=0.25, end_s=0.5)
    np.testing.assert_allclose(clip.samples, np.arange(200, 400) / 1000)


def test_bytes_are_read_like_a_file(tmp_path: Path) -> None:
    file = audio.write(tmp_path / "clip.flac", Clip(tone(16_000), 16_000))
    np.testing.assert_array_equal(audio.read(file.read_bytes()).samples, audio.read(file).samples)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "the file is empty"),
        (b"not audio at all", "Format not recognised"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "bad.wav"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AudioError, match=reason) as raised:
        audio.read(file)
    assert str(file) in str(raised.value)


def test_a_segment_outside_the_file_is_refused_with_its_length(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "clip.wav", tone(8000), 8000)
    with pytest.raises(AudioError, match=r"lasts 0\.500 s"):
        audio.read(tmp_path / "clip.wav", start_s=0.6)
    with pytest.raises(AudioError, match="lies outside"):
        audio.read(tmp_path / "clip.wav", start_s=0.3, end_s=0.2)


def test_writing_where_one_cannot_is_an_audio_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be written"):
        audio.write(tmp_path / "absent" / "clip.wav", Clip(tone(8000), 8000))


def test_pcm_and_float_are_the_same_numbers() -> None:
    pcm = np.array([-32768, -1, 0, 1, 32767], np.int16)
    np.testing.assert_array_equal(audio.to_pcm16(audio.from_pcm16(pcm)), pcm)
    np.testing.assert_array_equal(audio.to_pcm16(np.array([-2, 2], np.float32)), [-32768, 32767])


@pytest.mark.parametrize(
    ("pad", "wanted"),
    [
        ("end", [1, 2, 3, 4, 0, 0, 0]),
        ("edge", [1, 2, 3, 4, 4, 4, 4]),
        ("centre", [0, 1, 2, 3, 4, 0, 0]),
        ("random", [0, 0, 0, 1, 2, 3, 4]),
    ],
)
def test_pad_policies(pad: audio.Pad, wanted: list[int]) -> None:
    fitted = audio.fit_length(RAMP, 7, pad=pad, position=0.99)
    np.testing.assert_array_equal(fitted * 8, wanted)


@pytest.mark.parametrize(
    ("crop", "wanted"),
    [("start", [1, 2]), ("end", [3, 4]), ("centre", [2, 3]), ("random", [3, 4])],
)
def test_crop_policies_keep_as_many_samples_as_asked_for(
    crop: audio.Crop, wanted: list[int]
) -> None:
    fitted = audio.fit_length(RAMP, 2, crop=crop, position=0.99)
    np.testing.assert_array_equal(fitted * 8, wanted)


@given(
    length=st.integers(0, 50),
    want=st.integers(1, 50),
    pad=st.sampled_from(audio.PADS),
    crop=st.sampled_from(audio.CROPS),
    position=st.floats(0, 1, exclude_max=True),
)
def test_any_length_becomes_the_wanted_one_from_the_clip_alone(
    length: int, want: int, pad: audio.Pad, crop: audio.Crop, position: float
) -> None:
    samples = np.arange(1, length + 1, dtype=np.float32)
    fitted = audio.fit_length(samples, want, pad=pad, crop=crop, position=position)
    assert fitted.shape == (want,)
    spoken = fitted[fitted > 0]
    assert len(spoken) >= min(length, want)
    assert np.all(np.diff(spoken) <= 1), "samples stay in order"
