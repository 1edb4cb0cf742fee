"""Wanted words beside `_unknown_` and a `_silence_` that is real noise."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.data.twelve import SILENCE, UNKNOWN, twelve
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item, Manifest

WANTED = ("go", "stop")
SPLITS = {"train": 80, "validation": 20, "test": 20}


def noise(path: Path, *, duration_s: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).normal(0, 0.1, int(8000 * duration_s))
    soundfile.write(path, samples, 8000)
    return path


def words(folder: Path, *, labels: tuple[str, ...] = ("bed", "cat", "go", "stop")) -> Manifest:
    """As many clips of every label as `SPLITS` says."""
    return Manifest(
        items=tuple(
            Item(path=folder / label / f"{split}{n}.wav", label=label, split=split)
            for label in labels
            for split, count in SPLITS.items()
            for n in range(count)
        ),
        name="words",
        origin="given",
    )


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    noise(tmp_path / "_background_noise_" / "rain.wav", duration_s=30)
    noise(tmp_path / "_background_noise_" / "tap.flac", duration_s=20)
    return words(tmp_path)


def silent(manifest: Manifest) -> list[Item]:
    return [item for item in manifest if item.label == SILENCE]


def test_every_split_gets_its_share_of_unknown_and_silence(data: Manifest) -> None:
    manifest = twelve(data, wanted=WANTED)
    assert manifest.counts() == {
        SILENCE: {"train": 16, "validation": 4, "test": 4},
        UNKNOWN: {"train": 16, "validation": 4, "test": 4},
        "go": SPLITS,
        "stop": SPLITS,
    }
    assert manifest.origin.startswith("given; 2 wanted words (train 160 wanted, 16 unknown, 16 si")


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (0.1, 1), (5, 8), (100, 160)])
def test_the_percentages_are_of_the_wanted_clips_rounded_up(
    data: Manifest, percent: float, expected: int
) -> None:
    manifest = twelve(data, wanted=WANTED, silence_percent=percent, unknown_percent=percent)
    train = manifest.where(split="train")
    assert len(train.where(labels=(SILENCE,))) == expected
    assert len(train.where(labels=(UNKNOWN,))) == expected


def test_unknown_takes_all_there_is_when_it_is_too_little(data: Manifest) -> None:
    manifest = twelve(data, wanted=WANTED, unknown_percent=1000)
    assert manifest.counts()[UNKNOWN] == {split: 2 * count for split, count in SPLITS.items()}


def test_unknown_clips_come_from_all_other_words_of_their_own_split(data: Manifest) -> None:
    manifest = twelve(data, wanted=WANTED)
    unknown = [item for item in manifest if item.label == UNKNOWN]
    assert {item.path.parent.name for item in unknown} == {"bed", "cat"}
    assert all(item.path.name.startswith(item.split) for item in unknown)


def test_silence_is_noise_at_random_gain_with_a_share_of_zeros(data: Manifest) -> None:
    items = silent(twelve(data, wanted=WANTED, silence_percent=50, zero_share=0.25))
    gains = [item.gain for item in items if item.split == "train"]
    assert gains.count(0.0) == 20
    assert len({gain for gain in gains if gain}) == 60
    assert all(0.05 <= gain <= 1.0 for gain in gains if gain)
    assert {item.path.name for item in items} == {"rain.wav", "tap.flac"}


@pytest.mark.parametrize("count", [1, 2, 10])
def test_silence_is_never_zeros_alone(data: Manifest, count: int) -> None:
    few = data.with_items([*data.where(labels=("go",)).items[:count], data.items[-1]])
    few = few.with_items(replace(item, split="train") for item in few)
    manifest = twelve(few, wanted=WANTED, silence_percent=50, zero_share=0.99)
    assert any(item.gain for item in silent(manifest))


def test_segments_have_the_length_of_a_clip_and_lie_in_the_file(data: Manifest) -> None:
    for item in silent(twelve(data, wanted=WANTED, silence_percent=100, duration_s=1.5)):
        assert item.start_s is not None
        assert item.end_s is not None
        assert item.end_s - item.start_s == pytest.approx(1.5)
        assert 0 <= item.start_s < item.end_s <= soundfile.info(item.path).duration


def test_no_two_splits_hear_the_same_noise(data: Manifest) -> None:
    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for item in silent(twelve(data, wanted=WANTED, silence_percent=100)):
        spans.setdefault((item.path.name, item.split), []).append(
            (item.start_s or 0.0, item.end_s or 0.0)
        )
    for name in ("rain.wav", "tap.flac"):
        ends = [max(end for _, end in spans[name, split]) for split in SPLITS]
        starts = [min(start for start, _ in spans[name, split]) for split in SPLITS]
        assert ends[0] <= starts[1]
        assert ends[1] <= starts[2]


def test_short_noises_are_shared_rather_than_none(tmp_path: Path) -> None:
    folder = noise(tmp_path / "noises" / "click.wav", duration_s=1.2).parent
    manifest = twelve(words(tmp_path), wanted=WANTED, noise=folder)
    assert {item.split for item in silent(manifest)} == set(SPLITS)


def test_the_draw_depends_on_the_seed_alone(data: Manifest) -> None:
    shuffled = list(data)
    random.Random(1).shuffle(shuffled)
    first = twelve(data, wanted=WANTED)
    assert set(twelve(data.with_items(shuffled), wanted=WANTED)) == set(first)
    assert set(twelve(data, wanted=WANTED, seed=-1)) != set(first)


def test_ready_silence_and_unknown_are_taken_first(tmp_path: Path) -> None:
    ready = words(tmp_path, labels=("go", "stop", SILENCE, UNKNOWN))
    manifest = twelve(ready, wanted=WANTED)
    assert manifest.counts()[SILENCE] == {"train": 16, "validation": 4, "test": 4}
    assert all(item.path.parent.name == SILENCE for item in silent(manifest))
    assert all(item.path.parent.name == UNKNOWN for item in manifest if item.label == UNKNOWN)


def test_noise_fills_up_where_ready_silence_is_short(data: Manifest) -> None:
    some = words(data.root, labels=(SILENCE,)).where(split="test").items[:3]
    manifest = twelve(data.with_items([*data, *some]), wanted=WANTED)
    sources = [x.path.parent.name for x in silent(manifest) if x.split == "test"]
    assert sources == [SILENCE] * 3 + ["_background_noise_"]


def test_the_own_data_of_a_user_will_do(tmp_path: Path) -> None:
    folder = noise(tmp_path / "kitchen" / "deep" / "fan.wav", duration_s=20).parent.parent
    manifest = twelve(words(tmp_path / "mine"), wanted=("bed",), noise=folder)
    assert manifest.labels == (SILENCE, UNKNOWN, "bed")


def test_without_noise_silence_is_refused_and_the_folder_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"none in .*/_background_noise_; .*data\.words\.noise"):
        twelve(words(tmp_path), wanted=WANTED)
    assert SILENCE not in twelve(words(tmp_path), wanted=WANTED, silence_percent=0).labels


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wanted": ("go", "marvin")}, "no clips of marvin; its labels are bed, cat, go, stop"),
        ({"wanted": ()}, "any wanted word"),
        ({"zero_share": 1.0}, "never be zeros alone"),
        ({"silence_percent": -1.0}, "want 0 or more"),
        ({"unknown_percent": float("nan")}, "want 0 or more"),
        ({"duration_s": 60.0}, "as long as a clip, 60 s"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    data: Manifest, change: dict[str, float], says: str
) -> None:
    with pytest.raises(ManifestError, match=says):
        twelve(data, **({"wanted": WANTED} | change))  # type: ignore[arg-type]


def test_splits_come_first(data: Manifest) -> None:
    with pytest.raises(ManifestError, match="no splits yet"):
        twelve(data.with_items(replace(item, split="") for item in data), wanted=WANTED)


def test_a_damaged_noise_is_named(data: Manifest) -> None:
    (data.root / "_background_noise_" / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"broken\.wav: cannot be read"):
        twelve(data, wanted=WANTED)
