"""Clips come in order, a little ahead, at the rate and length a graph wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import tone, write_tone
from sonant import audio
from sonant.audio import Clip
from sonant.card import AudioSpec
from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.runtime import reading
from sonant.runtime.reading import fit, in_batches, read_clips

SPEC = AudioSpec(rate_hz=8000, samples=800, pad="end", crop="start")


def ramp(path: Path, *, samples: int = 800, rate_hz: int = 8000) -> Path:
    values = np.arange(samples, dtype=np.int16)
    soundfile.write(path, values, rate_hz, subtype="PCM_16")
    return path


def pcm(samples: np.ndarray) -> list[int]:
    return [int(value) for value in np.rint(samples * 32768)]


@pytest.mark.parametrize("workers", [1, 3])
def test_clips_come_in_order_whatever_the_number_of_threads(tmp_path: Path, workers: int) -> None:
    paths = []
    for number in range(70):
        paths.append(tmp_path / f"{number:02}.wav")
        soundfile.write(paths[-1], np.full(800, number, np.int16), 8000)
    reads = list(read_clips([Item(path=path) for path in paths], SPEC, workers=workers))
    assert [read.item.path for read in reads] == paths
    assert [pcm(read.samples[:1])[0] for read in reads if read.samples is not None] == list(
        range(70)
    )


def test_nothing_is_read_far_ahead(tmp_path: Path) -> None:
    path = ramp(tmp_path / "a.wav")
    taken = 0

    def items() -> Iterator[Item]:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield Item(path=path)

    reads = read_clips(items(), SPEC, workers=2)
    for _ in range(100):
        next(reads)
    assert taken <= 100 + reading.CHUNK * (reading.AHEAD_CHUNKS + 1)
    reads.close()  # type: ignore[attr-defined]


def test_long_clips_are_read_less_far_ahead(tmp_path: Path) -> None:
    path = ramp(tmp_path / "a.wav")
    taken = 0

    def items() -> Iterator[Item]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield Item(path=path)

    reads = read_clips(items(), replace(SPEC, samples=8000 * 30), workers=1)
    next(reads)
    assert taken <= 3 * reading.CHUNK
    reads.close()  # type: ignore[attr-defined]


def test_leaving_early_leaves_no_thread_behind(tmp_path: Path) -> None:
    path = ramp(tmp_path / "a.wav")
    reads = read_clips([Item(path=path)] * 1000, SPEC, workers=2)
    next(reads)
    reads.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read")]


def test_a_segment_and_a_gain_are_applied(tmp_path: Path) -> None:
    item = Item(path=ramp(tmp_path / "a.wav"), start_s=0.05, end_s=0.0505, gain=2.0)
    (read,) = read_clips([item], SPEC)
    assert read.samples is not None
    assert pcm(read.samples)[:6] == [800, 802, 804, 806, 0, 0]


def test_a_gain_of_zero_is_digital_silence(tmp_path: Path) -> None:
    (read,) = read_clips([Item(path=ramp(tmp_path / "a.wav"), gain=0.0)], SPEC)
    assert read.samples is not None
    assert not read.samples.any()


@pytest.mark.parametrize(
    ("pad", "crop", "samples", "first", "last"),
    [
        ("end", "start", 600, 0, 0),
        ("edge", "start", 600, 0, 599),
        ("centre", "start", 600, 0, 0),
        ("end", "start", 1000, 0, 799),
        ("end", "end", 1000, 200, 999),
        ("end", "centre", 1000, 100, 899),
        ("end", "random", 1000, 100, 899),
    ],
)
def test_lengths_follow_the_bundle(
    tmp_path: Path, pad: audio.Pad, crop: audio.Crop, samples: int, first: int, last: int
) -> None:
    spec = replace(SPEC, pad=pad, crop=crop)
    (read,) = read_clips([Item(path=ramp(tmp_path / "a.wav", samples=samples))], spec)
    assert read.samples is not None
    assert (pcm(read.samples)[0], pcm(read.samples)[-1]) == (first, last)
    assert read.samples.shape == (800,)
    assert read.samples.dtype == np.float32


def test_another_rate_is_resampled(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", "low", rate_hz=44_100, seconds=0.1)
    (read,) = read_clips([Item(path=path)], SPEC)
    assert read.samples is not None
    np.testing.assert_allclose(read.samples, tone("low", rate_hz=8000, seconds=0.1), atol=0.02)


def test_what_cannot_be_read_is_named_and_nothing_else_is_lost(tmp_path: Path) -> None:
    good = ramp(tmp_path / "good.wav")
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF, but no more")
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0, np.float32), 8000)
    odd = tmp_path / "odd.wav"
    soundfile.write(odd, np.array([0.0, np.nan, np.inf], np.float32), 8000, subtype="FLOAT")
    paths = [good, broken, empty, odd, tmp_path / "nowhere.wav", good]
    reads = list(read_clips([Item(path=path) for path in paths], SPEC))
    assert [read.samples is not None for read in reads] == [True, False, False, False, False, True]
    assert "cannot be read as audio" in reads[1].error
    assert reads[2].error == f"{empty}: holds no samples"
    assert reads[3].error == f"{odd}: holds samples that are not numbers (NaN or infinite)"
    assert "no such file" in reads[4].error
    assert [str(read.item.path) in read.error for read in reads[1:5]] == [True] * 4


def test_an_answer_does_not_depend_on_who_decoded_the_clip() -> None:
    clip = Clip(np.linspace(-1.5, 1.5, 800, dtype=np.float32), 8000)
    as_training_stores_it = audio.from_pcm16(audio.to_pcm16(clip.samples))
    np.testing.assert_array_equal(fit(clip, SPEC), as_training_stores_it)


def test_a_clip_without_samples_is_refused() -> None:
    with pytest.raises(AudioError, match="the clip: holds no samples"):
        fit(Clip(np.zeros(0, np.float32), 8000), SPEC)


def test_batches_keep_the_order_and_the_rest(tmp_path: Path) -> None:
    path = ramp(tmp_path / "a.wav")
    reads = list(read_clips([Item(path=path, label=str(n)) for n in range(7)], SPEC))
    groups = [[read.item.label for read in group] for group in in_batches(reads, 3)]
    assert groups == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
