"""Clips are heard once each, in any number of threads, with the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import voice_clips
from not_speech import NOT_SPEECH, RATE_HZ
from sonant import audio
from sonant.audio import Clip
from sonant.manifest import Item
from sonant.speakers.hearing import hear
from sonant.speakers.model import SpeakerModel
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Twelve clips of speech, one of a hum, and one that is not there."""
    folder = tmp_path_factory.mktemp("heard")
    hum = audio.write(folder / "hum.wav", Clip(NOT_SPEECH["hum at 50 Hz"], RATE_HZ))
    spoken = voice_clips.write_clips(folder / "spoken", speakers=3)
    return [*spoken.items[:12], Item(path=hum), Item(path=folder / "gone.wav")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    return SpeakerModel.load(write_voices(tmp_path_factory.mktemp("voices")), threads=1)


def test_answers_do_not_depend_on_threads(model: SpeakerModel, items: list[Item]) -> None:
    names = [str(number) for number in range(len(items))]
    told: list[tuple[int, int]] = []
    one = hear(model, names, items, workers=1, on_progress=lambda *now: told.append(now))
    many = hear(model, names, items, workers=4)
    assert list(one.heard) == list(many.heard) == names[:12]
    assert told == [(number, len(items)) for number in range(1, len(items) + 1)]
    for name in one.heard:
        vectors = [found.heard[name].embedding.vector for found in (one, many)]
        assert np.array_equal(*vectors)


def test_what_is_left_out_says_why(model: SpeakerModel, items: list[Item], tmp_path: Path) -> None:
    found = hear(model, ["hum", "gone"], items[-2:])
    assert not found.heard
    assert found.unreadable == 1
    assert found.left_out["hum"].startswith("hum: not enough speech")
    assert "gone.wav" in found.left_out["gone"]
