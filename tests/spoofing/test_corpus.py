"""Bona fide clips and forgeries of several tables in one, with the splits of their speakers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.spoofing import conditions
from sonant.spoofing.corpus import Results, join
from spoof_bundle import write_clips

SPLITS = {"s0": "train", "s1": "train", "s2": "validation", "s3": "test"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def said(clips: Manifest) -> Manifest:
    """Recordings as people have them: labelled by words, whole speakers in each split."""
    genuine = clips.where(labels=("bonafide",))
    return genuine.with_items(
        replace(item, label="yes", split=SPLITS[item.speaker]) for item in genuine
    )


def results(folder: Path, clips: Manifest, *columns: str, **values: str) -> Path:
    """A table as `sonant attack` leaves it: no splits, the attack in a column `method`."""
    header = ",".join(("path", "label", "speaker", *values, *columns))
    rows = [
        ",".join((str(item.path), item.label, item.speaker, *values.values(), *columns))
        for item in clips.where(labels=("spoof",))
    ]
    folder.mkdir(parents=True)
    (folder / "manifest.csv").write_text("\n".join((header, *rows)) + "\n")
    return folder


def test_the_table_has_both_kinds_their_conditions_and_the_splits_of_the_speakers(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    attacked = Results.load(results(tmp_path / "pgd", clips, method="pgd"))
    found = join([said], [attacked], table=tmp_path / "all.csv")
    assert found.attacks == {"pgd": 12}
    read = Manifest.load(found.table)
    assert read == found.manifest
    assert [len(read.where(labels=(label,))) for label in ("bonafide", "spoof")] == [12, 12]
    assert {item.speaker: item.split for item in read} == SPLITS
    about = conditions.read(found.table, read)
    for item in read:
        assert conditions.of(item, about) == ({"attack": "pgd"} if item.label == "spoof" else {})


def test_attacks_can_be_chosen_over_several_tables(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    forged = [
        Results.load(results(tmp_path / name, write_clips(tmp_path / f"of {name}"), method=name))
        for name in ("pgd", "fgsm")
    ]
    forged.append(Results.load(write_clips_table(tmp_path / "third")))
    every = join([said], forged[:2], table=tmp_path / "every.csv")
    assert every.attacks == {"pgd": 12, "fgsm": 12}
    some = join([said], forged, table=tmp_path / "some.csv", attacks=("fgsm", "near"))
    assert some.attacks == {"fgsm": 12, "near": 6}
    assert len(some.manifest) == 30
    mixed = join([said], [forged[2]], table=tmp_path / "mixed.csv")
    assert mixed.attacks == {"far": 6, "near": 6}
    assert len(mixed.manifest.where(labels=("bonafide",))) == 24
    with pytest.raises(ManifestError, match="attack 'nes'; there are: far, fgsm, near, pgd"):
        join([said], forged, table=tmp_path / "none.csv", attacks=("nes",))


def write_clips_table(folder: Path) -> Path:
    """A folder whose table has a column `attack`."""
    write_clips(folder)
    return folder


def test_a_clip_stands_in_the_table_once(clips: Manifest, said: Manifest, tmp_path: Path) -> None:
    forged = [Results.load(results(tmp_path / name, clips, method=name)) for name in ("a", "b")]
    with pytest.raises(ManifestError, match="was given twice"):
        join([said], forged, table=tmp_path / "all.csv")


def test_a_column_named_attack_comes_before_one_named_method(
    clips: Manifest, tmp_path: Path
) -> None:
    folder = results(tmp_path / "both", clips, method="training", attack="pgd")
    loaded = Results.load(folder)
    assert {about["attack"] for about in loaded.conditions.values()} == {"pgd"}


def test_conversions_without_an_attack_are_counted_as_such(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    converted = Results.load(results(tmp_path / "converted", clips, vocoder="griffin-lim"))
    found = join([said], [converted], table=tmp_path / "all.csv")
    assert found.attacks == {"": 12}
    about = conditions.read(found.table, Manifest.load(found.table))
    assert {tuple(one.items()) for one in about.values()} == {(), (("vocoder", "griffin-lim"),)}


def test_without_splits_of_train_validation_and_test_there_are_none(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    other = said.with_items(replace(item, split="test-clean") for item in said)
    forged = [Results.load(results(tmp_path / "pgd", clips, method="pgd"))]
    found = join([other], forged, table=tmp_path / "all.csv")
    assert found.manifest.splits == Manifest.load(found.table).splits == ()


def test_a_speaker_whose_split_is_not_known_is_named(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    forged = [Results.load(results(tmp_path / "pgd", clips, method="pgd"))]
    without = said.with_items(item for item in said if item.speaker != "s3")
    with pytest.raises(ManifestError, match="its speaker 's3' is in no split of the bona fide"):
        join([without], forged, table=tmp_path / "all.csv")
    torn = said.with_items([*said, replace(said.items[0], split="test")])
    with pytest.raises(ManifestError, match="is in test and train of the bona fide"):
        join([torn], forged, table=tmp_path / "all.csv")
    assert not (tmp_path / "all.csv").exists()


def test_forgeries_that_have_a_split_keep_it(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    forged = Results.load(results(tmp_path / "pgd", clips, method="pgd", split="test"))
    found = join([said], [forged], table=tmp_path / "all.csv")
    assert {item.split for item in found.manifest.where(labels=("spoof",))} == {"test"}


def test_what_cannot_be_a_corpus_is_refused(
    clips: Manifest, said: Manifest, tmp_path: Path
) -> None:
    forged = Results.load(results(tmp_path / "pgd", clips, method="pgd"))
    table = tmp_path / "all.csv"
    with pytest.raises(ManifestError, match="is labelled 'spoof', and was given among the bona"):
        join([clips], [forged], table=table)
    with pytest.raises(ManifestError, match="no clip is spoof"):
        join([said], [], table=table)
    with pytest.raises(ManifestError, match="no clip is bonafide"):
        join([], [forged], table=table)
    odd = Manifest(items=(Item(path=tmp_path / "a.wav", label="yes"),))
    with pytest.raises(ManifestError, match="says neither bonafide nor spoof"):
        join([said], [Results(manifest=odd, conditions={})], table=table)
    table.write_text("mine")
    with pytest.raises(ManifestError, match="is there already"):
        join([said], [forged], table=table)
    assert table.read_text() == "mine"
