"""The words in a file that say it is synthetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from converters import voice
from sonant import audio
from sonant.audio import Clip
from sonant.conversion import mark
from sonant.conversion.mark import Origin
from sonant.errors import AudioError

ORIGIN = Origin(
    source="p225_001", target="Żaneta 王", model="ab" * 32, vocoder="griffin-lim", seed=7
)
CLIP = Clip(voice(120.0, seconds=0.5), RATE_HZ)


def test_a_file_says_where_it_came_from(tmp_path: Path) -> None:
    path = mark.write(tmp_path / "a.wav", CLIP, ORIGIN)
    assert mark.read(path) == ORIGIN
    with soundfile.SoundFile(path) as sound:
        assert sound.title == "Synthetic speech: p225_001 in the voice of Żaneta 王"
        assert sound.software.startswith("sonant ")
        assert '"synthetic": true' in sound.comment
        assert (sound.subtype, sound.samplerate, sound.channels) == ("PCM_16", RATE_HZ, 1)


def test_the_sound_is_as_it_was(tmp_path: Path) -> None:
    path = mark.write(tmp_path / "a.wav", CLIP, ORIGIN)
    np.testing.assert_array_equal(
        audio.read(path).samples, audio.from_pcm16(audio.to_pcm16(CLIP.samples))
    )


@pytest.mark.parametrize(
    "comment",
    [
        "recorded at home",
        "[1, 2]",
        "{}",
        '{"synthetic": false}',
        '{"synthetic": true}',
        '{"synthetic": 1, "source": "a", "target": "b", "model": "c", "vocoder": "d", "seed": 1}',
        '{"synthetic": true, "source": "a", "target": "b", "model": "c", "vocoder": "d", "seed": "1"}',
    ],
)
def test_a_comment_of_somebody_else_says_nothing(tmp_path: Path, comment: str) -> None:
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as sound:
        sound.comment = comment
        sound.write(CLIP.samples)
    assert mark.read(path) is None


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"missing.*a\.wav: cannot be written"):
        mark.write(tmp_path / "missing" / "a.wav", CLIP, ORIGIN)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"no sound at all")
    with pytest.raises(AudioError, match=r"a\.wav: cannot be read"):
        mark.read(path)
