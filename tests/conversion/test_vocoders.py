"""What makes sound of a mel spectrogram."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ
from converters import MEL, voice, write_converter, write_vocoder
from sonant.audio import Samples
from sonant.card import Card
from sonant.conversion import vocoders
from sonant.conversion.vocoders import GraphVocoder, GriffinLim, Mel, in_windows, voice_mel
from sonant.conversion.voice_mel import log_mel
from sonant.errors import BundleError
from sonant.nn.voice_mel_config import VoiceMel


def test_griffin_lim_makes_a_sound_with_the_spectrum_asked_for() -> None:
    spoken = voice(140.0)
    mel = log_mel(spoken, MEL, rate_hz=RATE_HZ)
    vocoder = GriffinLim(MEL, rate_hz=RATE_HZ)
    made = in_windows(vocoder, mel, samples=len(spoken), seed=1)
    assert made.shape == spoken.shape
    again = log_mel(made, MEL, rate_hz=RATE_HZ)
    loud = mel > mel.max() - 6
    assert np.abs(again - mel)[loud].mean() < 0.35


def test_the_seed_decides_griffin_lims_phases() -> None:
    mel = log_mel(voice(140.0, seconds=0.4), MEL, rate_hz=RATE_HZ)
    vocoder = GriffinLim(MEL, rate_hz=RATE_HZ, iterations=3)
    one, same, other = (vocoder.sound(mel, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_graph_makes_sound_of_any_length(tmp_path: Path) -> None:
    vocoder = GraphVocoder(Card.read(write_vocoder(tmp_path)))
    for frames in (1, 7):
        mel = np.zeros((MEL.mels, frames), np.float32)
        assert vocoder.sound(mel, seed=0).shape == (frames * MEL.hop_length,)
    assert len(vocoder.name) == 64
    assert (vocoder.mel, vocoder.rate_hz) == (MEL, RATE_HZ)


def test_a_bundle_without_a_vocoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no graph 'vocoder' \(there: convert\)"):
        GraphVocoder(Card.read(write_converter(tmp_path)))


def test_an_answer_that_is_no_sound_is_an_error(tmp_path: Path) -> None:
    vocoder = GraphVocoder(Card.read(write_vocoder(tmp_path)))
    with pytest.raises(BundleError, match="want finite"):
        vocoder.sound(np.full((MEL.mels, 3), np.nan, np.float32), seed=0)


def test_a_bundle_of_another_front_end_is_refused(tmp_path: Path) -> None:
    recipe = {"name": "x", "front_end": {"name": "log_mel"}}
    card = Card.read(write_converter(tmp_path, changes={"recipe": recipe}))
    with pytest.raises(BundleError, match=r"bundle\.json: recipe\.front_end: .* is none of"):
        voice_mel(card)


class Counting:
    """A vocoder that tells where it is: each frame is as loud as the mel says."""

    name = "counting"
    mel: VoiceMel = MEL
    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.frames: list[int] = []

    def sound(self, mel: Mel, *, seed: int) -> Samples:
        self.frames.append(mel.shape[1])
        return np.repeat(mel[0], MEL.hop_length)


def test_long_mels_go_in_windows_that_fit_together() -> None:
    frames = round(50 * RATE_HZ / MEL.hop_length)
    ramp = np.linspace(0.0, 1.0, frames, dtype=np.float32)
    vocoder = Counting()
    sound = in_windows(vocoder, np.tile(ramp, (MEL.mels, 1)), samples=50 * RATE_HZ, seed=0)
    assert len(vocoder.frames) == 3
    assert max(vocoder.frames) * MEL.hop_length <= vocoders.WINDOW_S * RATE_HZ + MEL.hop_length
    wanted = np.repeat(ramp, MEL.hop_length)[: 50 * RATE_HZ]
    np.testing.assert_allclose(sound, np.pad(wanted, (0, 50 * RATE_HZ - len(wanted))), atol=1e-3)
