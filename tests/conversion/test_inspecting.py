"""What a file says and bears of being synthetic, in one plain sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from converters import voice
from sonant import audio
from sonant.audio import Clip
from sonant.conversion import inspecting, mark, watermark
from sonant.conversion.mark import Origin
from sonant.conversion.payload import Payload
from sonant.errors import AudioError

DIGEST = "12345678" * 8
ORIGIN = Origin(source="a", target="b", model=DIGEST, vocoder="griffin-lim", seed=0)
PLAIN = Clip(voice(150.0, seconds=8.0), RATE_HZ)
MARKED = watermark.embed(PLAIN, Payload.of(DIGEST))


def test_both_marks_are_told(tmp_path: Path) -> None:
    found = inspecting.inspect(mark.write(tmp_path / "a.wav", MARKED, ORIGIN))
    assert found.synthetic
    assert found.verdict == (
        "synthetic: its metadata say so, and its sound is marked, made by model 12345"
    )
    told = found.to_json()
    assert told["metadata"]["target"] == "b"
    assert told["watermark"]["model"] == "12345"
    assert told["watermark"]["score"] > told["watermark"]["threshold"]


def test_the_sound_is_enough(tmp_path: Path) -> None:
    path = audio.write(tmp_path / "a.flac", MARKED)
    found = inspecting.inspect(path)
    assert found.synthetic
    assert found.verdict.endswith("made by model 12345; its metadata say nothing")


def test_so_are_the_metadata(tmp_path: Path) -> None:
    found = inspecting.inspect(mark.write(tmp_path / "a.wav", PLAIN, ORIGIN))
    assert found.synthetic
    assert "bears no mark" in found.verdict


def test_without_a_mark_nothing_is_claimed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, PLAIN.samples, RATE_HZ)
    found = inspecting.inspect(path)
    assert not found.synthetic
    assert found.verdict == "no mark found, which does not prove that it is a recording"
    assert found.to_json()["metadata"] is None


def test_what_cannot_be_inspected_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"none\.wav"):
        inspecting.inspect(tmp_path / "none.wav")
    broken = tmp_path / "nan.wav"
    soundfile.write(broken, np.full(RATE_HZ, np.nan), RATE_HZ, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan\.wav"):
        inspecting.inspect(broken)
