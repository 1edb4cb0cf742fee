"""Splits for speaker models: whose clips they are, and no speaker on two sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.data.preparation import DataConfig
from sonant.data.speaker_splits import prepare
from sonant.data.splits import speaker_leaks
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest


def clips(*rows: tuple[str, str, str]) -> Manifest:
    """Rows of label, speaker and split."""
    items = tuple(
        Item(path=Path(f"/clips/{n}.wav"), label=label, speaker=speaker, split=split)
        for n, (label, speaker, split) in enumerate(rows)
    )
    return Manifest(items=items, name="clips")


def sides(manifest: Manifest) -> dict[str, str]:
    assert not speaker_leaks(manifest)
    return {item.label: item.split for item in manifest}


def test_folders_are_speakers_where_no_clip_names_one() -> None:
    given = clips(*((f"s{n % 10}", "", "") for n in range(40)))
    found = prepare(DataConfig(), given, seed=0)
    assert {item.label for item in found} == {f"s{n}" for n in range(10)}
    assert sorted(set(sides(found).values())) == ["test", "train", "validation"]
    assert all(item.label == item.speaker for item in found)


def test_a_speaker_column_wins_over_labels_and_clips_without_one_are_left_out() -> None:
    given = clips(*(("yes", f"s{n % 10}", "") for n in range(40)), ("_silence_", "", ""))
    found = prepare(DataConfig(), given, seed=0)
    assert len(found) == 40
    assert "_silence_" not in found.labels


def test_splits_of_the_data_are_kept_where_they_share_no_speaker() -> None:
    given = clips(
        *(("a", f"s{n}", "train") for n in range(8)),
        *(("a", f"t{n}", "validation") for n in range(3)),
        *(("a", f"u{n}", "test") for n in range(3)),
    )
    found = sides(prepare(DataConfig(), given, seed=0))
    assert {found[f"s{n}"] for n in range(8)} == {"train"}
    assert {found[f"t{n}"] for n in range(3)} == {"validation"}
    assert {found[f"u{n}"] for n in range(3)} == {"test"}


def test_shared_speakers_are_split_anew_or_refused_where_the_split_was_asked_for() -> None:
    rows = [("a", f"s{n}", split) for n in range(20) for split in ("train", "test")]
    found = prepare(DataConfig(), clips(*rows), seed=0)
    assert {"train", "validation", "test"} == set(sides(found).values())
    with pytest.raises(
        ManifestError, match=r"20 speakers stand in more than one split.*split=speaker"
    ):
        prepare(DataConfig(split="given"), clips(*rows), seed=0)


def test_parts_of_a_corpus_are_its_splits_and_validation_is_cut_by_speaker() -> None:
    rows = [("", f"s{n // 2}", "train-clean-100") for n in range(40)]
    rows += [("", f"t{n}", ("test-clean", "test-other")[n % 2]) for n in range(6)]
    found = prepare(DataConfig(), clips(*rows), seed=0)
    named = sides(found)
    assert {named[f"t{n}"] for n in range(6)} == {"test"}
    assert {named[f"s{n}"] for n in range(20)} == {"train", "validation"}
    assert "test-clean" in found.origin


def test_words_choose_clips_before_labels_become_speakers() -> None:
    rows = [(("yes", "no")[n % 2], f"s{n // 2}", "") for n in range(40)]
    found = prepare(DataConfig(labels=("yes",)), clips(*rows), seed=0)
    assert len(found) == 20


def test_without_any_speaker_it_says_how_to_name_them() -> None:
    with pytest.raises(ManifestError, match="--speaker-column"):
        prepare(DataConfig(), clips(("", "", "")), seed=0)
