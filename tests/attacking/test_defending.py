"""Defences by their names; a vocoder of its own makes speech anew in time with what it heard."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.attacking.defending import DEFENCES, defences_of
from sonant.errors import SonantError


def test_each_has_a_name_and_perhaps_a_number() -> None:
    found = defences_of(["quantise:6", "resample", "smooth:0.01", "vocoder"], rate_hz=16_000)
    assert [one.name for one in found] == ["quantise:6", "resample:8000", "smooth:0.01", "vocoder"]
    assert set(DEFENCES) == {"quantise", "resample", "smooth", "vocoder"}


def test_speech_made_anew_is_as_long_and_about_as_loud() -> None:
    time = torch.arange(8000) / 16_000
    sound = 0.3 * torch.sin(2 * np.pi * 440 * time)[None, None]
    (vocoder,) = defences_of(["vocoder"], rate_hz=16_000)
    made = vocoder.change(sound, 0)
    assert made.shape == sound.shape
    assert not vocoder.has_gradient
    assert made[..., 2000:6000].std().item() == pytest.approx(sound.std().item(), rel=0.3)


def test_a_rate_that_does_not_go_into_the_models_is_refused() -> None:
    with pytest.raises(SonantError, match="resample:3000: want a rate of which 16000"):
        defences_of(["resample:3000"], rate_hz=16_000)
