"""When speech begins and ends, from how much of silence a model hears."""

from __future__ import annotations

import numpy as np

from sonant.serving.streams.voice import Voice
from tone_stream import LABELS


def test_voice_begins_after_a_little_sound_and_ends_after_a_pause() -> None:
    voice = Voice(LABELS, hop_s=0.01)
    frames = np.zeros((300, 4), np.float32)
    frames[:, -1] = 1
    frames[50:58, -1] = 0  # a click
    frames[100:150, -1] = 0
    frames[170:200, -1] = 0  # the same speech goes on
    told = [
        (at, change) for at in range(300) if (change := voice.push(frames[at : at + 1])) is not None
    ]
    assert told == [(109, True), (259, False)]


def test_without_a_label_for_silence_nobody_speaks() -> None:
    voice = Voice(("yes", "no"), hop_s=0.01)
    assert voice.push(np.ones((100, 2), np.float32)) is None
