"""Mel spectrograms one below the other."""

from __future__ import annotations

import numpy as np

from sonant.plots import LIGHT
from sonant.plots.mels import mels


def test_the_same_spectrograms_give_the_same_picture_and_others_another() -> None:
    ramp = np.linspace(-9, 0, 40 * 30, dtype=np.float32).reshape(40, 30)
    picture = mels({"source": ramp, "converted": ramp[::-1]}, hop_s=0.016)
    assert picture.startswith(b"\x89PNG")
    assert picture == mels({"source": ramp, "converted": ramp[::-1]}, hop_s=0.016)
    assert picture != mels({"source": ramp, "converted": ramp}, hop_s=0.016)
    assert picture != mels({"source": ramp, "converted": ramp[::-1]}, hop_s=0.01)
    assert picture != mels({"source": ramp, "converted": ramp[::-1]}, hop_s=0.016, theme=LIGHT)


def test_clips_of_any_length_and_names_that_no_font_has_can_be_drawn() -> None:
    one = np.zeros((40, 1), np.float32)
    picture = mels({"$x_2": one, "\U0001f600": np.zeros((40, 500), np.float32)}, hop_s=0.016)
    assert picture.startswith(b"\x89PNG")
