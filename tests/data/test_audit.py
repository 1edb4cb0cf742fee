"""The check of a whole set: it finds what was damaged, all of it, and nothing else."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from murmurs import RATE_HZ, write_murmur
from sonant import audio
from sonant.audio import Clip, Samples
from sonant.data.audit import Audit, audit, audit_table
from sonant.manifest import Item, Manifest

LABELS = ("down", "left", "right", "up")
PER_LABEL = 12
SPLITS = ("train",) * 8 + ("validation",) * 2 + ("test",) * 2


def murmured(root: Path) -> list[Item]:
    """Clips of four words, each by a speaker of its own."""
    return [
        Item(
            path=write_murmur(root / label / f"{n}.wav", 100 * word + n, seconds=0.6),
            label=label,
            speaker=f"{label}{n}",
            split=SPLITS[n],
        )
        for word, label in enumerate(LABELS)
        for n in range(PER_LABEL)
    ]


def checked(items: list[Item]) -> Audit:
    return audit(Manifest(items=tuple(items), name="words"), workers=2)


def found(result: Audit) -> set[tuple[str, str]]:
    """Kinds of findings with the last file, label or speaker that each is about."""
    return {
        (finding.kind, str(finding.detail.get("label") or finding.detail.get("speaker")))
        if finding.kind in ("label_name", "class_balance", "speaker_in_splits")
        else (finding.kind, finding.paths[-1].name)
        for finding in result.findings
    }


def rewrite(path: Path, change: Callable[[Samples], Samples], *, subtype: str = "PCM_16") -> None:
    """Change the samples of a file; it becomes WAV whatever it was."""
    clip = audio.read(path)
    samples = change(clip.samples).astype(np.float32)
    audio.write(path.with_suffix(".new.wav"), Clip(samples, clip.rate_hz), subtype=subtype)
    path.with_suffix(".new.wav").replace(path)


def with_nan(samples: Samples) -> Samples:
    samples[100] = np.nan
    return samples


def damage(items: list[Item]) -> set[tuple[str, str]]:
    """Do to a set, in place, all that happens to sets, and say what a check should find.

    Takes twenty clips or more of at least three labels, the last of which is `right`.
    """
    per_label = {
        label: [i for i in items if i.label == label] for label in {i.label for i in items}
    }
    last = per_label["right"]
    text, empty, cut, zeros, hard, blink, slow, nan, byte, other, near, gone = (
        items.index(item) for item in items[:12]
    )
    paths = [item.path for item in items]
    paths[text].write_text("this is no recording\n" * 20)
    paths[empty].write_bytes(b"")
    whole = paths[cut].read_bytes()
    paths[cut].write_bytes(whole[: len(whole) // 2])
    rewrite(paths[zeros], np.zeros_like)
    rewrite(paths[hard], lambda x: np.clip(x * 10 / np.abs(x).max(), -1, 1))
    rewrite(paths[blink], lambda x: x[4000:4320])
    half = audio.read(paths[slow], rate_hz=RATE_HZ // 2)
    audio.write(paths[slow].with_suffix(".wav"), half)
    items[slow] = replace(items[slow], path=paths[slow].with_suffix(".wav"))
    rewrite(paths[nan], with_nan, subtype="FLOAT")
    folder = last[0].path.parent
    shutil.copy(paths[byte], folder / f"byte{paths[byte].suffix}")
    audio.write(folder / "other.wav", audio.read(paths[other]))
    audio.write(folder / "near.ogg", audio.read(paths[near]), subtype="VORBIS")
    copies = (f"byte{paths[byte].suffix}", "other.wav", "near.ogg")
    items += [Item(path=folder / name, label="right", split="train") for name in copies]
    items[gone] = replace(items[gone], path=paths[gone].with_name("gone.wav"))
    place = items.index(last[-1])
    items[place] = replace(items[place], label="rihgt")
    seen = next(item for item in items[12:] if item.split == "train" and item.speaker)
    place = next(n for n, item in enumerate(items) if n > 12 and item.split == "test")
    items[place] = replace(items[place], speaker=seen.speaker)
    rare = write_murmur(folder.parent / "zebra" / "1.wav", 999, seconds=0.6)
    items.append(Item(path=rare, label="zebra", split="train"))
    return {
        ("unreadable", paths[text].name),
        ("empty", paths[empty].name),
        ("unreadable", paths[cut].name),
        ("silent", paths[zeros].name),
        ("clipped", paths[hard].name),
        ("too_short", paths[blink].name),
        ("off_rate", items[slow].path.name),
        ("not_finite", paths[nan].name),
        ("same_audio", f"byte{paths[byte].suffix}"),
        ("same_audio", "other.wav"),
        ("same_audio", "near.ogg"),
        ("missing", "gone.wav"),
        ("label_name", "rihgt"),
        ("speaker_in_splits", seen.speaker),
        ("class_balance", "zebra"),
    }


def test_a_good_set_has_no_findings(tmp_path: Path) -> None:
    result = checked(murmured(tmp_path))

    assert result.findings == ()
    assert result.ok
    assert audit_table(result) == []


def test_all_damage_is_found_and_nothing_else(tmp_path: Path) -> None:
    items = murmured(tmp_path)
    expected = damage(items)
    result = checked(items)

    assert found(result) == expected
    assert len(result.findings) == len(expected)
    assert not result.ok


@pytest.mark.shared
@pytest.mark.parametrize("first", [0, 7])
def test_all_damage_to_real_recordings_is_found_and_nothing_else(
    shared_data: Path, tmp_path: Path, first: int
) -> None:
    words = ("down", "go", "left", "no", "right")
    source = shared_data / "speech_commands"
    with (source / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in words]
    items = []
    for label in words:
        for row in [row for row in rows if row["label"] == label][first::25][:24]:
            path = tmp_path / row["file"]
            path.parent.mkdir(exist_ok=True)
            shutil.copy(source / row["file"], path)
            split = {"training": "train", "testing": "test"}.get(row["split"], row["split"])
            items.append(Item(path=path, label=label, speaker=row["speaker"], split=split))
    assert checked(items).findings == ()

    expected = damage(items)
    assert found(checked(items)) == expected


def test_what_is_there_is_counted(tmp_path: Path) -> None:
    result = checked([*murmured(tmp_path), Item(path=tmp_path / "gone.wav", label="up")])
    rows = {row.label: row for row in result.labels}

    assert result.clips == 4 * PER_LABEL + 1
    assert result.seconds == pytest.approx(4 * PER_LABEL * 0.6)
    assert result.rates == {RATE_HZ: 4 * PER_LABEL}
    assert result.splits == {"train": 32, "validation": 8, "test": 8}
    assert list(result.splits) == ["train", "validation", "test"]
    assert result.speakers == 4 * PER_LABEL
    assert list(rows) == sorted(LABELS)
    assert rows["up"].clips == PER_LABEL + 1
    assert rows["up"].seconds == pytest.approx(PER_LABEL * 0.6)
    assert rows["up"].splits == {"": 1, "test": 2, "train": 8, "validation": 2}


def test_the_answer_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    items = murmured(tmp_path)
    damage(items)
    manifest = Manifest(items=tuple(items))

    assert audit(manifest, workers=1).to_json() == audit(manifest, workers=4).to_json()


def test_the_answer_is_plain_data(tmp_path: Path) -> None:
    items = murmured(tmp_path)
    damage(items)
    result = checked(items)
    answer = json.loads(json.dumps(result.to_json()))

    assert answer["ok"] is False
    assert answer["name"] == "words"
    assert answer["clips"] == len(items)
    assert answer["rates"][str(RATE_HZ)] > answer["rates"][str(RATE_HZ // 2)] == 1
    assert sum(answer["counts"].values()) == len(answer["findings"]) == len(result.findings)
    assert {row["label"] for row in answer["labels"]} == {*LABELS, "rihgt", "zebra"}
    assert all(set(f) == {"kind", "severity", "message", "paths", "clips", "detail"}
               for f in answer["findings"])  # fmt: skip


def test_notes_alone_do_not_spoil_a_set(tmp_path: Path) -> None:
    items = murmured(tmp_path)
    near = audio.write(tmp_path / "near.ogg", audio.read(items[0].path), subtype="VORBIS")
    result = checked([*items, replace(items[0], path=near)])

    assert [finding.severity for finding in result.findings] == ["note"]
    assert result.ok


def test_the_rate_and_the_shortest_length_can_be_stated(tmp_path: Path) -> None:
    manifest = Manifest(items=tuple(murmured(tmp_path)))
    result = audit(manifest, rate_hz=8000, min_s=1.0)

    assert {finding.kind for finding in result.findings} == {"off_rate", "too_short"}
    assert len(result.findings) == 2 * len(manifest)


def test_a_file_of_many_segments_is_opened_once(tmp_path: Path) -> None:
    path = write_murmur(tmp_path / "long.wav", 1, seconds=4.0)
    items = tuple(Item(path=path, label="up", start_s=n, end_s=n + 1) for n in range(4))
    calls: list[tuple[int, int]] = []
    result = audit(
        Manifest(items=items), on_progress=lambda done, total: calls.append((done, total))
    )

    assert calls == [(1, 1)]
    assert result.findings == ()
    assert result.seconds == pytest.approx(4.0)


def test_progress_goes_from_one_to_all(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    manifest = Manifest(items=tuple(murmured(tmp_path)))
    audit(manifest, on_progress=lambda done, total: calls.append((done, total)))

    assert calls == [(n, len(manifest)) for n in range(1, len(manifest) + 1)]


def test_an_empty_manifest_has_nothing_wrong() -> None:
    result = audit(Manifest(items=()))

    assert result.ok
    assert result.to_json()["clips"] == 0


def test_the_table_names_the_gravest_first_and_the_first_few(tmp_path: Path) -> None:
    items = murmured(tmp_path)
    for item in items[:5]:
        rewrite(item.path, np.zeros_like)
    items.append(Item(path=tmp_path / "gone.wav", label="up", split="train"))
    rows = audit_table(checked(items))

    assert [row[:3] for row in rows] == [("missing", "error", 1), ("silent", "warning", 5)]
    assert rows[1][3].splitlines()[-1] == "and 2 more"
    assert len(rows[1][3].splitlines()) == 4
