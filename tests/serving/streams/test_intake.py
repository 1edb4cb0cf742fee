"""Samples of any rate, width, format and number of channels become what a model hears."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.serving.status import Refusal
from sonant.serving.streams.intake import FORMATS, Format, Intake

NATIVE = Format(rate_hz=16_000)
WAVE = (0.5 * np.sin(np.arange(4000) / 9)).astype(np.float32)


def encoded(wave: np.ndarray, name: str) -> bytes:
    if name == "f32le":
        return wave.astype("<f4").tobytes()
    if name == "u8":
        return np.round(wave * 127 + 128).astype(np.uint8).tobytes()
    bits = {"s16le": 16, "s24le": 24, "s32le": 32}[name]
    whole = np.round(wave.astype(float) * (2 ** (bits - 1) - 1)).astype("<i4")
    size = bits // 8
    return whole.view(np.uint8).reshape(-1, 4)[:, :size].tobytes()


def heard(format: Format, data: bytes, *, size: int = 1000) -> np.ndarray:
    intake = Intake(format, rate_hz=16_000)
    parts = [intake.hear(data[at : at + size]) for at in range(0, len(data), size)]
    joined = b"".join([*parts, intake.finish()])
    if intake.is_float:
        return np.frombuffer(joined, "<f4")
    return np.frombuffer(joined, "<i2").astype(np.float32) / 32768


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_every_format_is_heard_however_it_is_cut(name: str, size: int) -> None:
    wave = WAVE[:500]
    found = heard(NATIVE.named(name), encoded(wave, name), size=size)
    np.testing.assert_allclose(found, wave, atol=0.01 if name == "u8" else 1e-4)


def test_what_needs_no_change_is_passed_on_as_it_came() -> None:
    intake = Intake(NATIVE, rate_hz=16_000)
    data = encoded(WAVE, "s16le")
    assert intake.hear(data) is data
    assert not intake.is_float


@pytest.mark.parametrize("name", FORMATS)
def test_channels_are_averaged(name: str) -> None:
    both = np.stack([WAVE, -WAVE / 2], axis=1)
    format = Format(rate_hz=16_000, channels=2).named(name)
    found = heard(format, encoded(both.reshape(-1), name), size=333)
    np.testing.assert_allclose(found, WAVE / 4, atol=0.01 if name == "u8" else 1e-4)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 48_000])
def test_any_rate_becomes_the_models_as_if_all_had_come_at_once(rate_hz: int) -> None:
    found = heard(Format(rate_hz=rate_hz).named("f32le"), encoded(WAVE, "f32le"), size=999)
    wanted = soxr.resample(WAVE, rate_hz, 16_000, quality="HQ")
    assert abs(len(found) - len(wanted)) <= 1
    length = min(len(found), len(wanted))
    np.testing.assert_allclose(found[:length], wanted[:length], atol=1e-4)


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 1e30])
def test_floats_that_are_no_samples_are_refused(sample: float) -> None:
    intake = Intake(NATIVE.named("f32le"), rate_hz=16_000)
    with pytest.raises(Refusal, match="not numbers"):
        intake.hear(np.array([0, sample], "<f4").tobytes())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"rate": 0}, "rate: 0 Hz is not from 1000 to 384000"),
        ({"rate": 10**9}, "rate: 1000000000 Hz"),
        ({"rate": "16000"}, "rate: '16000' is not a whole number"),
        ({"rate": True}, "rate: True is not a whole number"),
        ({"width": 5}, "width: 5 bytes"),
        ({"channels": 0}, "channels: 0 are not from 1 to 32"),
        ({"channels": 33}, "channels: 33"),
        ({"format": "mp3"}, "format: 'mp3' is not one of u8, s16le"),
        ({"format": ["f32le"]}, "format: "),
    ],
)
def test_a_format_that_is_none_is_refused(said: dict[str, object], reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        NATIVE.told(said)


def test_what_is_not_said_stays() -> None:
    float_hz = NATIVE.named("f32le").told({"rate": 48_000})
    assert (float_hz.rate_hz, float_hz.width, float_hz.is_float) == (48_000, 4, True)
    assert float_hz.told({"width": 2}) == Format(rate_hz=48_000)
    assert NATIVE.told({"width": 4}).name == "s32le"
    assert NATIVE.told({"rate": None, "width": None, "channels": None}) == NATIVE


@settings(deadline=None, max_examples=60)
@given(
    data=st.binary(max_size=300),
    size=st.integers(1, 50),
    width=st.sampled_from([1, 2, 3, 4]),
    channels=st.integers(1, 4),
)
def test_any_bytes_are_some_sound(data: bytes, size: int, width: int, channels: int) -> None:
    format = Format(rate_hz=16_000, width=width, channels=channels)
    found = heard(format, data, size=size)
    assert len(found) == len(data) // (width * channels)
    assert np.all(np.abs(found) <= 1)
