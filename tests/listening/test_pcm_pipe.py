"""Samples from a pipe that cannot be sought: bare numbers, and WAV of the kinds that tools write."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from sonant.errors import AudioError
from sonant.listening.pcm_pipe import blocks_of, read_header

RATE_HZ = 16_000
SOUND = (0.5 * np.sin(np.arange(3000) / 7)).astype(np.float32)


class Trickle(io.BytesIO):
    """Gives few bytes at a time, and an odd number of them."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read(min(101, 101 if size in (None, -1) else size))


def heard(data: bytes, *, rate_hz: int = 8000) -> tuple[int, np.ndarray]:
    stream = Trickle(data)
    header, rest = read_header(stream, rate_hz=rate_hz)
    blocks = list(blocks_of(stream, header, rest=rest))
    return header.rate_hz, np.concatenate([np.zeros(0, np.float32), *blocks])


def wav(sound: np.ndarray, **options: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE_HZ, format="WAV", **options)
    return file.getvalue()


def test_bare_numbers_are_16_bit_mono_at_the_rate_that_was_said() -> None:
    pcm = np.array([0, 1, -32768, 32767, 5, 6, 7], "<i2")
    rate_hz, sound = heard(pcm.tobytes() + b"\x01")
    assert rate_hz == 8000
    np.testing.assert_array_equal(sound, pcm.astype(np.float32) / 32768)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x00"])
def test_hardly_anything_is_hardly_anything(data: bytes) -> None:
    assert len(heard(data)[1]) == len(data) // 2


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
@pytest.mark.parametrize("format_", ["WAV", "WAVEX"])
def test_wav_says_its_own_rate(subtype: str, format_: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, SOUND, RATE_HZ, format=format_, subtype=subtype)
    rate_hz, sound = heard(file.getvalue())
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(sound, SOUND, atol=1 / 32768)


def test_channels_are_averaged() -> None:
    both = np.stack([SOUND, np.zeros_like(SOUND)], axis=1)
    np.testing.assert_allclose(heard(wav(both, subtype="FLOAT"))[1], SOUND / 2, atol=1e-7)


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_of_unknown_length_goes_on_to_the_end(size: int) -> None:
    data = bytearray(wav(SOUND, subtype="PCM_16"))
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", size)
    assert len(heard(bytes(data))[1]) == len(SOUND)


def test_what_follows_the_samples_is_no_sound() -> None:
    data = wav(SOUND, subtype="PCM_16") + b"LIST\x04\x00\x00\x00abcd"
    assert len(heard(data)[1]) == len(SOUND)


def test_other_chunks_before_the_samples_are_left_out() -> None:
    data = wav(SOUND, subtype="PCM_16")
    more = data[:12] + b"junk" + struct.pack("<I", 3) + b"abc\0" + data[12:]
    np.testing.assert_array_equal(heard(more)[1], heard(data)[1])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (wav(SOUND, subtype="PCM_24"), "24-bit samples of code 1.*ffmpeg"),
        (wav(SOUND, subtype="PCM_16")[:20], "its format is cut short|ends before"),
        (wav(SOUND, subtype="PCM_16")[:36], "ends before the samples"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "does not say what its samples are"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "cut short"),
    ],
)
def test_a_header_that_cannot_be_followed_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        heard(data)
