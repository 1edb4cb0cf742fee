"""Noise and rooms are read in a fixed order, in bounded memory, and bad files are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sonant import audio
from sonant.audio import Clip
from sonant.data import recordings
from sonant.data.recordings import read_noise, read_rooms
from sonant.errors import AudioError, RecipeError

RATE_HZ = 16000


def write(path: Path, samples: np.ndarray, *, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return audio.write(path, Clip(samples.astype(np.float32), rate_hz))


def constant(value: float, samples: int = 1000) -> np.ndarray:
    return np.full(samples, value)


@pytest.mark.parametrize(("read", "field"), [(read_noise, "noise"), (read_rooms, "rir")])
def test_a_missing_or_empty_folder_is_refused_by_its_field(
    read: Callable[..., object], field: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=f"^{field}: there is no folder or file"):
        read(str(tmp_path / "nowhere"), rate_hz=RATE_HZ)
    (tmp_path / "README.md").write_text("no sound")
    with pytest.raises(RecipeError, match=f"^{field}: no audio files"):
        read(str(tmp_path), rate_hz=RATE_HZ)


@pytest.mark.parametrize("read", [read_noise, read_rooms])
def test_an_unreadable_or_empty_file_is_named(read: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"not a wave file")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        read(str(tmp_path), rate_hz=RATE_HZ)
    write(tmp_path / "broken.wav", constant(0.0, 0))
    with pytest.raises(AudioError, match=r"broken\.wav: (holds no samples|.*which lasts 0)"):
        read(str(tmp_path), rate_hz=RATE_HZ)


def test_noise_is_read_in_the_order_of_names_at_any_depth(tmp_path: Path) -> None:
    for name, value in {
        "b/z.wav": 0.3,
        "a.flac": 0.1,
        "b/c/d.wav": 0.2,
        ".cache/x.wav": 0.9,
    }.items():
        write(tmp_path / name, constant(value))
    (tmp_path / "._a.flac").write_bytes(b"left behind by another system")
    (tmp_path / "manifest.csv").write_text("file\n")
    noise = read_noise(str(tmp_path), rate_hz=RATE_HZ)
    levels = noise.pcm[noise.starts] / audio.PCM16_SCALE
    assert levels == pytest.approx([0.1, 0.2, 0.3], abs=1e-4)
    assert noise.lengths.tolist() == [1000, 1000, 1000]


def test_a_single_file_does(tmp_path: Path) -> None:
    file = write(tmp_path / "hum.wav", constant(0.5))
    assert read_noise(str(file), rate_hz=RATE_HZ).lengths.tolist() == [1000]


def test_recordings_come_at_the_rate_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "hum.wav", constant(0.5, 800), rate_hz=8000)
    assert read_noise(str(tmp_path), rate_hz=RATE_HZ).lengths.tolist() == [1600]


def test_noise_is_bounded_and_every_file_gets_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "NOISE_LIMIT_S", 1.0)
    monkeypatch.setattr(recordings, "NOISE_LEAST_S", 0.1)
    for name in "abcd":
        write(tmp_path / f"{name}.wav", constant(0.1, RATE_HZ))
    assert read_noise(str(tmp_path), rate_hz=RATE_HZ).lengths.tolist() == [4000] * 4
    monkeypatch.setattr(recordings, "NOISE_LEAST_S", 0.5)
    assert read_noise(str(tmp_path), rate_hz=RATE_HZ).lengths.tolist() == [8000] * 2


def test_short_recordings_go_round_and_long_ones_stay_inside(tmp_path: Path) -> None:
    write(tmp_path / "long.wav", np.linspace(-0.5, 0.5, 1000))
    write(tmp_path / "short.wav", np.linspace(0.1, 0.9, 30))
    noise = read_noise(str(tmp_path), rate_hz=RATE_HZ)
    fitted = noise.fitted(100)
    assert fitted.positions(100).tolist() == [901, 30]
    short = noise.pcm[noise.starts[1] :]
    for number, position in ((0, 900), (1, 29)):
        first = fitted.starts[number] + position
        window = fitted.pcm[first : first + 100]
        ring = noise.pcm[:1000] if number == 0 else short
        assert np.array_equal(
            window, np.take(ring, np.arange(position, position + 100), mode="wrap")
        )


def test_fitting_again_changes_nothing_that_was_there(tmp_path: Path) -> None:
    write(tmp_path / "short.wav", np.linspace(0.1, 0.9, 30))
    noise = read_noise(str(tmp_path), rate_hz=RATE_HZ)
    twice, once = noise.fitted(50).fitted(100), noise.fitted(100)
    assert np.array_equal(twice.pcm, once.pcm)
    assert twice.fitted(60) is twice


def test_rooms_meet_at_their_direct_sound(tmp_path: Path) -> None:
    for name, direct in {"a": 0, "b": 20, "c": 700}.items():
        response = np.zeros(900)
        response[direct : direct + 50] = -0.5 * 0.9 ** np.arange(50)
        write(tmp_path / f"{name}.wav", response)
    rooms = read_rooms(str(tmp_path), rate_hz=RATE_HZ)
    assert rooms.direct == 80  # 5 ms
    assert (np.abs(rooms.responses).argmax(axis=1) == 80).all()
    np.testing.assert_allclose(rooms.responses[0, :280], rooms.responses[2, :280], atol=1e-4)


def test_a_long_reverberation_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "RIR_LIMIT_S", 0.05)
    write(tmp_path / "hall.wav", 0.9 * 0.999 ** np.arange(RATE_HZ))
    assert read_rooms(str(tmp_path), rate_hz=RATE_HZ).responses.shape == (1, 80 + 800)


def test_of_very_many_rooms_some_are_taken_from_all_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "RIR_LIMIT", 3)
    for number in range(9):
        write(tmp_path / f"{number}.wav", np.array([0.1 * (number + 1), 0.0]))
    rooms = read_rooms(str(tmp_path), rate_hz=RATE_HZ)
    assert rooms.responses[:, 80] == pytest.approx([0.1, 0.4, 0.7], abs=1e-4)


def test_a_silent_room_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "mute.wav", np.zeros(100))
    with pytest.raises(AudioError, match=r"mute\.wav: is silent"):
        read_rooms(str(tmp_path), rate_hz=RATE_HZ)
