"""Clips made alike in all that must not tell a forgery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item, Manifest
from sonant.spoofing import conditions
from sonant.spoofing.equalising import Equal, equalise, equalised

RATE_HZ = 16_000
SHORT = Equal(length_s=0.5)


def sound(seconds: float, *, level: float = 0.1) -> Samples:
    draw = np.random.default_rng(0)
    return (level * draw.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def clip(*parts: Samples, rate_hz: int = RATE_HZ) -> Clip:
    return Clip(np.concatenate(parts), rate_hz)


def level_db(samples: Samples) -> float:
    return 10 * float(np.log10(np.mean(samples.astype(np.float64) ** 2)))


@pytest.mark.parametrize("gain", [0.01, 1.0, 3.0])
@pytest.mark.parametrize("pause_s", [0.0, 0.7])
def test_clips_leave_with_one_length_level_and_no_silence_at_their_ends(
    gain: float, pause_s: float
) -> None:
    pause = sound(pause_s, level=1e-6)
    found = equalised(clip(pause, gain * sound(0.8), pause), SHORT)
    assert len(found) == RATE_HZ // 2
    assert level_db(found) == pytest.approx(-26.0, abs=0.05)
    for end in (found[:800], found[-800:]):
        assert level_db(end) > -30


def test_a_clip_of_another_rate_leaves_at_the_one_asked_for() -> None:
    found = equalised(Clip(sound(1.0)[:8000], 8000), replace(SHORT, rate_hz=4000))
    assert len(found) == 2000


def test_a_peak_is_never_clipped() -> None:
    spiky = sound(0.8, level=0.001)
    spiky[::500] = 1.0
    found = equalised(clip(spiky), replace(SHORT, level_db=-3.0))
    assert np.abs(found).max() <= 0.99 + 1e-6


def test_pauses_alone_hold_no_speech() -> None:
    pause = sound(0.4, level=1e-4)
    mixed = clip(pause, sound(0.5), pause, sound(0.5), pause)
    found = equalised(mixed, replace(SHORT, keep="pauses", level_db=-60.0))
    assert len(found) == RATE_HZ // 2
    assert np.abs(found).max() < 0.02, "speech would stand out by 60 dB"


def test_clips_that_are_too_short_or_silent_are_refused() -> None:
    with pytest.raises(AudioError, match=r"0\.(29|30) s of speech are left, want 0\.5 s"):
        equalised(clip(sound(0.3)), SHORT)
    with pytest.raises(AudioError, match="too short"):
        equalised(clip(sound(0.01)), SHORT)
    with pytest.raises(AudioError, match=r"0\.00 s of speech"):
        equalised(clip(np.zeros(RATE_HZ, np.float32)), SHORT)


def test_pauses_make_speech_no_louder_and_an_offset_goes() -> None:
    pause = sound(0.2, level=1e-6)
    talking, pausing = sound(0.7), np.concatenate([sound(0.25), pause, sound(0.25)])
    levels = []
    for samples in (talking, pausing):
        found = equalised(clip(samples + np.float32(0.02)), SHORT)
        assert abs(float(found.mean())) < 1e-5
        levels.append(level_db(found[:2000]))
    assert levels[0] == pytest.approx(levels[1], abs=0.6)


@pytest.mark.parametrize("change", [{"rate_hz": 0}, {"length_s": 0.0}, {"level_db": 3.0}])
def test_settings_that_make_no_clip_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ManifestError, match=next(iter(change))):
        Equal(**change)  # type: ignore[arg-type]


def corpus(folder: Path) -> Manifest:
    folder.mkdir()
    rows = ["path,label,speaker,split,attack"]
    for number, seconds in enumerate((1.0, 0.9, 0.2)):
        soundfile.write(folder / f"{number}.wav", sound(seconds), RATE_HZ)
        rows.append(f"{number}.wav,{'bonafide' if number else 'spoof'},s{number},train,a{number}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return Manifest.load(folder)


def test_a_manifest_keeps_all_but_the_sound_and_says_what_was_left_out(tmp_path: Path) -> None:
    manifest = corpus(tmp_path / "old")
    known = conditions.read(tmp_path / "old", manifest)
    found = equalise(manifest, tmp_path / "new", equal=SHORT, conditions=known)
    again = Manifest.load(found.table)
    assert again == found.manifest
    assert [(item.label, item.speaker, item.split) for item in again] == [
        ("spoof", "s0", "train"),
        ("bonafide", "s1", "train"),
    ]
    assert all(len(audio.read(item.path).samples) == RATE_HZ // 2 for item in again)
    after = conditions.read(found.table, again)
    assert [conditions.of(item, after)["attack"] for item in again] == ["a0", "a1"]
    assert len(found.left_out) == 1
    assert "2.wav: 0.20 s of speech" in found.left_out[0]


def test_clips_of_one_name_and_parts_of_one_file_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(2.0), RATE_HZ)
    parts = [Item(path=path, label="spoof", start_s=at, end_s=at + 1) for at in (0.0, 1.0)]
    found = equalise(Manifest(items=tuple(parts)), tmp_path / "new", equal=SHORT)
    assert len({item.path for item in found.manifest}) == 2


def test_a_folder_with_a_table_and_a_corpus_without_a_clip_are_refused(tmp_path: Path) -> None:
    manifest = corpus(tmp_path / "old")
    with pytest.raises(ManifestError, match="is there already"):
        equalise(manifest, tmp_path / "old", equal=SHORT)
    with pytest.raises(ManifestError, match="no clip could be equalised"):
        equalise(manifest, tmp_path / "new", equal=Equal(length_s=5.0))
