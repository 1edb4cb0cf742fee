"""Mel-cepstral distortion."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ
from converters import voice
from sonant import audio
from sonant.audio import Clip
from sonant.conversion import cepstra
from sonant.errors import AudioError
from sonant.nn.voice_mel_config import VoiceMel

MEL = VoiceMel()
SPOKEN = Clip(voice(120.0), RATE_HZ)


def apart(one: Clip, other: Clip) -> float:
    return cepstra.distortion_db(one, other, mel=MEL)


def test_a_clip_is_no_way_from_itself_whatever_its_loudness() -> None:
    assert apart(SPOKEN, SPOKEN) == pytest.approx(0.0, abs=1e-6)
    assert apart(SPOKEN, Clip(np.float32(0.5) * SPOKEN.samples, RATE_HZ)) < 0.3


def test_pauses_do_not_count() -> None:
    before = np.zeros(RATE_HZ, np.float32)
    paused = Clip(np.concatenate([before, SPOKEN.samples, before]), RATE_HZ)
    # The edges of the clip have become soft, which two frames hear.
    assert apart(SPOKEN, paused) < 0.3 * apart(SPOKEN, Clip(voice(180.0), RATE_HZ))


def test_another_vowel_is_further_than_the_same_one_slower() -> None:
    slower = Clip(voice(120.0, seconds=1.9), RATE_HZ)
    other = Clip(voice(180.0), RATE_HZ)
    assert apart(SPOKEN, slower) < 0.7 * apart(SPOKEN, other)


def test_a_tilt_of_known_size_is_measured_as_such() -> None:
    # Each mel band k of 80 raised by a cosine of 3 dB: its root mean square over the bands.
    bands = np.arange(MEL.mels)
    tilt_db = 3 * np.cos(np.pi * (bands + 0.5) / MEL.mels)
    random = np.random.default_rng(0)
    logs = random.uniform(-2.0, 0.0, (MEL.mels, 30))
    moved = logs + (tilt_db * np.log(10) / 20)[:, None]
    found = [cepstra.of(one).mean(axis=0) for one in (logs, moved)]
    rms_db = 10 / np.log(10) * np.sqrt(2) * np.linalg.norm(found[0] - found[1])
    assert rms_db == pytest.approx(np.sqrt(np.mean(tilt_db**2)), rel=1e-6)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(AudioError, match="16000 and 8000 Hz"):
        apart(SPOKEN, audio.resample(SPOKEN, 8_000))
    with pytest.raises(AudioError, match="without sound"):
        apart(SPOKEN, Clip(np.zeros(RATE_HZ, np.float32), RATE_HZ))


def test_a_sentence_is_nearer_to_itself_by_another_than_to_another(shared_data: Path) -> None:
    folder = shared_data / "vc_parallel"
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    one, other = rows[0], rows[1]
    same = next(row for row in rows[2:] if row["label"] == one["label"])
    clip, twin, stranger = (audio.read(folder / row["file"]) for row in (one, same, other))
    assert apart(clip, twin) < apart(stranger, twin)
