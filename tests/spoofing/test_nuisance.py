"""What a clip is like besides the speech in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.audio import Samples
from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.spoofing.nuisance import GROUPS, RATE_HZ, measure

DRAW = np.random.default_rng(0)


def speech(seconds: float = 1.0, *, level: float = 0.1) -> Samples:
    return (level * DRAW.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return speech(seconds, level=1e-5)


def found(path: Path, samples: Samples, group: str, *, rate_hz: int = RATE_HZ) -> list[float]:
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return GROUPS[group](measure(Item(path=path)))


def test_silence_is_measured_before_behind_between_and_in_all(tmp_path: Path) -> None:
    clip = np.concatenate([quiet(0.3), speech(0.5), quiet(0.2), speech(0.5), quiet(0.5)])
    before, behind, share, longest = found(tmp_path / "a.wav", clip, "silence")
    assert before == pytest.approx(0.3, abs=0.03)
    assert behind == pytest.approx(0.5, abs=0.03)
    assert longest == pytest.approx(0.2, abs=0.04)
    assert share == pytest.approx(0.5, abs=0.05)


def test_digital_silence_is_silence_throughout(tmp_path: Path) -> None:
    assert found(tmp_path / "a.wav", np.zeros(8000, np.float32), "silence")[2] == 1.0
    for group in GROUPS:
        assert np.isfinite(found(tmp_path / "a.wav", np.zeros(8000, np.float32), group)).all()


def test_length_is_in_seconds_and_says_whether_it_is_whole_hops(tmp_path: Path) -> None:
    whole = found(tmp_path / "a.wav", speech()[: 256 * 50], "length")
    odd = found(tmp_path / "a.wav", speech()[: 256 * 50 + 1], "length")
    assert whole[0] == pytest.approx(0.8)
    assert whole[3] == 1.0
    assert odd[1:] == [0.0] * 4


def test_gain_follows_the_level_by_decibels(tmp_path: Path) -> None:
    clip = speech()
    loud, soft = (found(tmp_path / "a.wav", clip * gain, "gain") for gain in (1.0, 0.1))
    assert loud[0] - soft[0] == pytest.approx(20.0, abs=0.01)
    assert found(tmp_path / "a.wav", clip + 0.05, "gain")[1] == pytest.approx(0.05, abs=0.01)


def test_the_crest_is_the_same_at_every_gain_and_follows_a_peak(tmp_path: Path) -> None:
    clip = speech()
    loud, soft = (found(tmp_path / "a.wav", clip * gain, "crest") for gain in (1.0, 0.25))
    assert loud[0] == pytest.approx(soft[0], abs=0.05)
    clip[RATE_HZ // 2] = 2 * np.abs(clip).max()
    assert found(tmp_path / "a.wav", clip / 4, "crest")[0] - loud[0] == pytest.approx(6.0, abs=0.2)


def test_the_end_of_the_band_is_found(tmp_path: Path) -> None:
    spectrum = np.fft.rfft(speech())
    spectrum[np.fft.rfftfreq(RATE_HZ, 1 / RATE_HZ) > 4000] = 0
    dull = np.fft.irfft(spectrum).astype(np.float32)
    assert found(tmp_path / "a.wav", dull, "bandwidth")[0] == pytest.approx(4000, abs=100)
    assert found(tmp_path / "a.wav", speech(), "bandwidth")[0] > 7500


def test_the_file_s_own_rate_and_bits_are_measured(tmp_path: Path) -> None:
    slow = found(tmp_path / "a.wav", speech()[:8000], "codec", rate_hz=8000)
    assert slow[0] == 8000
    soundfile.write(tmp_path / "b.wav", speech(), RATE_HZ, subtype="PCM_16")
    rough = GROUPS["codec"](measure(Item(path=tmp_path / "b.wav")))
    assert rough[3] == 1.0
    assert rough[2] != slow[2]


def test_pauses_are_heard_and_speech_is_not(tmp_path: Path) -> None:
    pause = np.concatenate([quiet(0.3), np.zeros(0, np.float32)])
    one = found(tmp_path / "a.wav", np.concatenate([pause, speech()]), "without_speech")
    other = found(tmp_path / "a.wav", np.concatenate([pause, speech()]), "without_speech")
    louder = np.concatenate([10 * pause, speech()])
    assert one == pytest.approx(other, abs=3.0)
    assert found(tmp_path / "a.wav", louder, "without_speech")[16] - one[16] > 15


def test_clips_that_cannot_be_measured_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav"):
        measure(Item(path=tmp_path / "gone.wav"))
    soundfile.write(tmp_path / "short.wav", speech(0.01), RATE_HZ)
    with pytest.raises(AudioError, match=r"short\.wav: 0\.010 s are too short"):
        measure(Item(path=tmp_path / "short.wav"))
