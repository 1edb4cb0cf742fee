"""Sound in blocks from files and microphones, brought to any rate on the way."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from sonant.errors import AudioError, MissingExtra
from sonant.listening.sources import Source, from_file, from_microphone

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 70_000).astype(np.float32)


def test_a_file_comes_in_blocks_of_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.stack([NOISE, -NOISE / 2], axis=1), 16_000)
    with from_file(path) as source:
        blocks = list(source.blocks)
    assert source.rate_hz == 16_000
    assert [len(block) for block in blocks] == [16_000] * 4 + [6000]
    np.testing.assert_allclose(np.concatenate(blocks), NOISE / 4, atol=1e-4)


@pytest.mark.parametrize("content", [None, b"", b"no sound at all"])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.wav: cannot be read as audio"), from_file(path):
        pass


@pytest.mark.parametrize("size", [1000, 44_100])
def test_a_rate_is_changed_as_if_all_had_come_at_once(size: int) -> None:
    blocks = (NOISE[at : at + size] for at in range(0, len(NOISE), size))
    source = Source(name="noise", rate_hz=44_100, blocks=blocks)
    sound = np.concatenate(list(source.at(16_000)))
    wanted = soxr.resample(NOISE, 44_100, 16_000, quality="HQ")
    assert abs(len(sound) - len(wanted)) <= 1
    length = min(len(sound), len(wanted))
    np.testing.assert_allclose(sound[:length], wanted[:length], atol=1e-4)


def test_the_same_rate_is_left_alone() -> None:
    blocks = [NOISE[:100], NOISE[100:300]]
    source = Source(name="noise", rate_hz=16_000, blocks=iter(blocks))
    assert [block is same for block, same in zip(blocks, source.at(16_000), strict=True)] == [
        True,
        True,
    ]


class FakeError(Exception):
    """What PortAudio complains with."""


class FakeStream:
    """Three blocks, and then the plug is pulled."""

    def __init__(self, *, samplerate: int, device: object, blocksize: int, **_: object) -> None:
        if device == "none" or (device == "wide" and samplerate != 48_000):
            raise FakeError("no such device, or not at this rate")
        self.blocksize, self.samplerate, self.left = blocksize, float(samplerate), 3
        self.closed = False

    def __enter__(self) -> FakeStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def read(self, frames: int) -> tuple[np.ndarray, bool]:
        if not self.left:
            raise FakeError("unplugged")
        self.left -= 1
        return np.full((frames, 1), 0.25 * self.left, np.float32), False


@pytest.fixture
def sounddevice(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A library without a microphone behind it."""
    fake = SimpleNamespace(
        InputStream=FakeStream,
        PortAudioError=FakeError,
        query_devices=lambda device, kind: {"default_samplerate": 48_000.0},
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


@pytest.mark.usefixtures("sounddevice")
def test_a_microphone_comes_in_blocks_of_20_ms_until_it_stops() -> None:
    with from_microphone(rate_hz=16_000) as source:
        blocks = [next(source.blocks) for _ in range(3)]
        with pytest.raises(AudioError, match="the microphone stopped"):
            next(source.blocks)
    assert [len(block) for block in blocks] == [320] * 3
    assert [float(block[0]) for block in blocks] == [0.5, 0.25, 0.0]


@pytest.mark.usefixtures("sounddevice")
def test_a_microphone_of_another_rate_is_heard_at_its_own() -> None:
    with from_microphone(rate_hz=16_000, device="wide") as source:
        assert source.rate_hz == 48_000
        assert len(next(source.blocks)) == 960


@pytest.mark.usefixtures("sounddevice")
def test_a_microphone_that_does_not_open_is_named() -> None:
    with (
        pytest.raises(AudioError, match=r"microphone none: does not open.*--device"),
        from_microphone(rate_hz=16_000, device="none"),
    ):
        pass


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match=r"sonant\[mic\]"), from_microphone(rate_hz=16_000):
        pass


def test_without_portaudio_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with (
        pytest.raises(AudioError, match=r"needs PortAudio .*libportaudio2"),
        from_microphone(rate_hz=16_000),
    ):
        pass
