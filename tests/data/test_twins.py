"""Copies are found through formats, codecs, rates and volumes; different clips are left apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from murmurs import RATE_HZ, murmur, write_murmur
from sonant import audio
from sonant.audio import Clip
from sonant.data import twins as twins_module
from sonant.data.probe import probe_file
from sonant.data.twins import Pair, Twins, find_twins
from sonant.manifest import Item


def found(*paths: Path) -> list[Twins]:
    items = [Item(path=path) for path in paths]
    return find_twins(items, [probe_file(item.path, [item])[0] for item in items])


def test_clips_of_their_own_have_no_twins(tmp_path: Path) -> None:
    assert found(*(write_murmur(tmp_path / f"{n}.wav", n) for n in range(40))) == []


def test_a_copy_in_another_lossless_format_is_exact(tmp_path: Path) -> None:
    paths = [write_murmur(tmp_path / f"{n}.wav", n) for n in range(4)]
    copy = audio.write(tmp_path / "copy.flac", audio.read(paths[2]))

    assert found(*paths, copy) == [Twins(members=(2, 4), exact=True)]


@pytest.mark.parametrize(
    ("kind", "subtype", "rate_hz"),
    [
        ("OGG", "VORBIS", RATE_HZ),
        ("OGG", "OPUS", RATE_HZ),
        ("MP3", "MPEG_LAYER_III", RATE_HZ),
        ("WAV", "PCM_16", 22050),
        ("WAV", "ULAW", RATE_HZ),
    ],
)
def test_a_copy_that_lost_something_is_nearly_the_same(
    tmp_path: Path, kind: str, subtype: str, rate_hz: int
) -> None:
    paths = [write_murmur(tmp_path / f"{n}.wav", n) for n in range(4)]
    copy = tmp_path / f"copy.{kind.lower()}"
    samples = audio.read(paths[1], rate_hz=rate_hz).samples
    soundfile.write(copy, samples, rate_hz, format=kind, subtype=subtype)

    assert found(*paths, copy) == [Twins(members=(1, 4), exact=False)]


def test_a_quieter_and_shifted_copy_is_nearly_the_same(tmp_path: Path) -> None:
    original = murmur(1)
    path = audio.write(tmp_path / "a.wav", Clip(original, RATE_HZ))
    late = np.concatenate([np.zeros(40, np.float32), 0.2 * original[:-40]])
    copy = audio.write(tmp_path / "b.wav", Clip(late, RATE_HZ))

    assert found(path, copy) == [Twins(members=(0, 1), exact=False)]


def test_exact_and_near_copies_of_one_clip_are_one_group(tmp_path: Path) -> None:
    path = write_murmur(tmp_path / "a.wav", 1)
    exact = audio.write(tmp_path / "b.flac", audio.read(path))
    near = audio.write(tmp_path / "c.ogg", audio.read(path), subtype="VORBIS")

    assert found(near, path, exact) == [Twins(members=(0, 1, 2), exact=False)]


def test_the_same_rhythm_is_not_the_same_recording(tmp_path: Path) -> None:
    loudness = np.hanning(RATE_HZ)
    noises = (np.random.default_rng(n).standard_normal(RATE_HZ) for n in range(3))
    paths = [
        audio.write(
            tmp_path / f"{n}.wav", Clip((0.1 * loudness * noise).astype(np.float32), RATE_HZ)
        )
        for n, noise in enumerate(noises)
    ]

    assert found(*paths) == []


def test_silence_is_no_copy_of_silence(tmp_path: Path) -> None:
    zeros = Clip(np.zeros(8000, np.float32), RATE_HZ)

    assert found(*(audio.write(tmp_path / f"{n}.wav", zeros) for n in range(2))) == []


def test_files_that_cannot_be_read_are_no_copies(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_text("no audio")

    assert found(tmp_path / "a.wav", tmp_path / "b.wav") == []


def test_one_segment_listed_twice_is_found_and_another_is_not(tmp_path: Path) -> None:
    path = write_murmur(tmp_path / "a.wav", 1, seconds=3.0)
    items = [Item(path=path, start_s=start, end_s=start + 1) for start in (0.0, 1.5, 0.0)]

    assert find_twins(items, probe_file(path, items)) == [Twins(members=(0, 2), exact=True)]


def test_rows_far_apart_are_compared_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write_murmur(tmp_path / f"{n}.wav", n) for n in range(9)]
    copies = [
        audio.write(tmp_path / f"copy{n}.ogg", audio.read(paths[n]), subtype="VORBIS")
        for n in range(9)
    ]
    monkeypatch.setattr(twins_module, "BLOCK_ROWS", 2)

    assert [group.members for group in found(*paths, *copies)] == [(n, n + 9) for n in range(9)]


def test_a_set_of_beeps_is_not_compared_for_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time_s = np.arange(8000) / RATE_HZ
    beeps = (np.hanning(8000) * np.sin(2 * np.pi * (400 + 40 * n) * time_s) for n in range(8))
    items = [
        Item(path=audio.write(tmp_path / f"{n}.wav", Clip(beep.astype(np.float32), RATE_HZ)))
        for n, beep in enumerate(beeps)
    ]
    probes = [probe_file(item.path, [item])[0] for item in items]
    compared: list[int] = []

    def run(compare: Callable[[Pair], bool], pairs: Sequence[Pair]) -> Iterable[bool]:
        compared.append(len(pairs))
        return map(compare, pairs)

    assert find_twins(items, probes, run=run) == []
    monkeypatch.setattr(twins_module, "MAX_COMPARED", 5)
    assert find_twins(items, probes, run=run) == []
    assert compared == [28, 5]
