"""Splits depend on names and a seed, and keep a speaker on one side."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from sonant.data import splits
from sonant.data.splits import Split, assign, speaker_leaks
from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest

ROOT = Path("/data")
WORDS = ("go", "no", "yes")


def clips(count: int, *, label: str = "yes", speaker: str = "", split: str = "") -> list[Item]:
    stem = f"{label}-{speaker or 'x'}"
    return [
        Item(path=ROOT / label / f"{stem}-{n}.wav", label=label, speaker=speaker, split=split)
        for n in range(count)
    ]


def made(*parts: list[Item]) -> Manifest:
    return Manifest(items=tuple(item for part in parts for item in part), name="made")


def spoken(speakers: int, takes: int = 4) -> Manifest:
    """Every speaker says every word a few times."""
    return made(*(clips(takes, label=w, speaker=f"s{n}") for n in range(speakers) for w in WORDS))


def plain(count: int = 100) -> Manifest:
    return made(*(clips(count, label=word) for word in WORDS))


def hashed(count: int = 200) -> Manifest:
    names = (f"{n * 7919:08x}_nohash_{n % 3}.wav" for n in range(count))
    return Manifest(items=tuple(Item(path=ROOT / "yes" / name, label="yes") for name in names))


def sizes(manifest: Manifest) -> dict[str, int]:
    return dict(Counter(item.split for item in manifest))


@pytest.mark.parametrize("how", ["auto", "speaker", "stratified", "halved"])
@pytest.mark.parametrize("source", [spoken(20), plain(), hashed()], ids=["spoken", "plain", "hash"])
def test_the_order_of_the_clips_does_not_matter(how: Split, source: Manifest) -> None:
    if how == "speaker" and not source.items[0].speaker:
        source = source.with_items(replace(x, speaker=x.path.name[:6]) for x in source)
    shuffled = list(source)
    random.Random(3).shuffle(shuffled)
    one, other = assign(source, how=how), assign(source.with_items(shuffled), how=how)
    assert set(one) == set(other)
    assert [item.path for item in one] == [item.path for item in source]


@pytest.mark.parametrize("how", ["speaker", "stratified", "halved"])
def test_moving_the_folder_does_not_matter_and_the_seed_does(how: Split) -> None:
    source = spoken(20)
    moved = source.with_items(
        replace(item, path=Path("/elsewhere") / item.path.relative_to(ROOT)) for item in source
    )
    here = [item.split for item in assign(source, how=how)]
    assert [item.split for item in assign(moved, how=how)] == here
    assert [item.split for item in assign(source, how=how, seed=1)] != here


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((80, 10, 10), {"train": 240, "validation": 30, "test": 30}),
        ((0.6, 0.2, 0.2), {"train": 180, "validation": 60, "test": 60}),
        ((80, 20), {"train": 240, "validation": 60}),
        ((9, 0, 1), {"train": 270, "test": 30}),
        ((100, 0), {"train": 300}),
    ],
)
def test_stratified_keeps_the_shares_in_every_label(
    shares: tuple[float, ...], expected: dict[str, int]
) -> None:
    manifest = assign(plain(), how="stratified", shares=shares)
    assert sizes(manifest) == expected
    for counts in manifest.counts().values():
        assert counts == {split: count // 3 for split, count in expected.items()}


def test_small_labels_do_not_starve_a_split() -> None:
    manifest = assign(made(*(clips(5, label=f"word{n:02}") for n in range(40))), how="stratified")
    assert sizes(manifest)["validation"] == pytest.approx(20, abs=2)
    assert sizes(manifest)["test"] == pytest.approx(20, abs=2)


@pytest.mark.parametrize("how", ["speaker", "stratified", "halved"])
def test_a_speaker_never_stands_on_two_sides(how: Split) -> None:
    manifest = assign(spoken(23), how=how)
    assert manifest.splits == ("train", "validation", "test")
    assert speaker_leaks(manifest) == {}


@pytest.mark.parametrize("how", ["speaker", "stratified"])
def test_whole_speakers_of_all_sizes_still_meet_the_shares(how: Split) -> None:
    draw = random.Random(0)
    manifest = made(
        *(clips(draw.randint(1, 30), label=draw.choice(WORDS), speaker=f"s{n}") for n in range(200))
    )
    counts = sizes(assign(manifest, how=how))
    for split, share in {"train": 0.8, "validation": 0.1, "test": 0.1}.items():
        assert counts[split] / len(manifest) == pytest.approx(share, abs=0.005)


def test_clips_without_a_speaker_are_placed_one_by_one_and_that_is_said() -> None:
    manifest = assign(made(clips(50), clips(50, speaker="anna"), clips(50, speaker="ben")))
    assert "50 clips without a speaker placed one by one" in manifest.origin
    assert speaker_leaks(manifest) == {}


def test_few_speakers_still_fill_every_split() -> None:
    assert sizes(assign(spoken(3), how="speaker")) == {"train": 12, "validation": 12, "test": 12}


def test_too_few_speakers_leave_a_split_empty_and_that_is_said() -> None:
    manifest = assign(spoken(2), how="speaker")
    assert manifest.splits == ("train", "validation")
    assert "too few clips for a test part" in manifest.origin


def test_a_label_too_small_for_the_shares_is_trained_on_and_said() -> None:
    manifest = assign(made(clips(100), clips(1, label="no")), how="stratified")
    assert manifest.counts()["no"] == {"train": 1, "validation": 0, "test": 0}
    assert "no validation clip of no; no test clip of no" in manifest.origin


@pytest.mark.parametrize("how", ["speaker", "stratified", "halved"])
def test_every_label_has_a_clip_to_train_on(how: Split) -> None:
    for seed in range(10):
        parts = [clips(2, label=f"w{n}", speaker=f"s{n % 7}") for n in range(30)]
        manifest = assign(made(*parts), how=how, shares=(40, 30, 30), seed=seed)
        assert set(manifest.where(split="train").labels) == set(manifest.labels)


def test_rows_that_are_alike_stay_together() -> None:
    manifest = assign(made(clips(50), clips(50)), how="stratified")
    sides: dict[Path, set[str]] = {}
    for item in manifest:
        sides.setdefault(item.path, set()).add(item.split)
    assert all(len(found) == 1 for found in sides.values())


def test_halved_holds_out_a_part_and_deals_it_alternately() -> None:
    manifest = assign(plain(), how="halved", shares=(80, 20))
    assert sizes(manifest) == {"train": 240, "validation": 30, "test": 30}
    assert manifest.origin == "20 % held out and halved, seed 0"


def test_given_splits_are_kept() -> None:
    source = made(clips(5, split="train"), clips(3, label="no", split="test"))
    source = source.with_items([*source, *clips(2, label="go", split="validation")], origin="by me")
    assert assign(source, how="given") == source
    assert assign(source) == source
    assert assign(source).origin == "by me"


def test_a_missing_validation_part_is_cut_from_train_by_speaker() -> None:
    source = spoken(20).with_items(replace(item, split="train") for item in spoken(18))
    source = source.with_items([*source, *clips(9, speaker="s99", split="test")])
    manifest = assign(source)
    assert sizes(manifest) == {"train": 192, "validation": 24, "test": 9}
    assert speaker_leaks(manifest) == {}
    assert manifest.origin == "given; validation cut from train by speaker, seed 0"


def test_given_splits_that_leak_are_kept_and_said() -> None:
    source = made(clips(2, speaker="anna", split="train"), clips(1, speaker="anna", split="test"))
    source = source.with_items([*source, *clips(1, label="no", split="validation"), *clips(1)])
    manifest = assign(source, how="given")
    assert "1 speakers stand in more than one split" in manifest.origin
    assert "1 clips without a split are not used" in manifest.origin
    assert speaker_leaks(manifest) == {"anna": ("train", "test")}


def test_given_without_train_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"no split 'train'.*fold1, fold2"):
        assign(made(clips(2, split="fold1"), clips(2, split="fold2")), how="given")


def test_auto_takes_the_first_rule_that_fits() -> None:
    assert assign(hashed()).origin.startswith("official hash rule")
    assert assign(spoken(20)).origin.startswith("stratified by label, whole speakers")
    assert assign(plain()).origin.startswith("stratified by label, speakers unknown")
    folds = made(clips(50, split="fold1"), clips(50, label="no", split="fold2"))
    assert assign(folds).splits == ("train", "validation", "test")


def test_auto_never_trains_on_what_was_declared_as_held_out() -> None:
    source = made(clips(20, split="test"), clips(20, label="no", split="test"))
    assert assign(source) == source


@pytest.mark.parametrize(
    ("split", "speakers"),
    [
        (
            "test",
            "2aa787cf ffa76c4a 24ad3ebe d7467392 5828dfa2 91223b83 f0ae7203 95ba4996 0ea0e2f4",
        ),
        ("validation", "8b775397 2643992f 060cd039 f5e5e8b0 dbb40d24 439c84f4 409c962a a69b9b3e"),
    ],
)
def test_the_official_rule_puts_speakers_where_the_official_lists_do(
    split: str, speakers: str
) -> None:
    # Heads of testing_list.txt and validation_list.txt, as published.
    for name in speakers.split():
        assert splits.official_split(name, validation=0.1, test=0.1) == split


def test_the_official_rule_must_leave_something_to_train_on() -> None:
    only = Manifest(items=(Item(path=ROOT / "yes" / "2aa787cf_nohash_0.wav", label="yes"),))
    with pytest.raises(ManifestError, match="none of its 1 clips into train"):
        assign(only, how="official")


def test_the_official_rule_needs_official_names() -> None:
    with pytest.raises(ManifestError, match="0a2b400e_nohash_0"):
        assign(plain(), how="official")


def test_the_official_rule_agrees_with_the_real_corpus(shared_data: Path) -> None:
    given = Manifest.load(shared_data / "speech_commands")
    given = given.with_items(item for item in given if "_nohash_" in item.path.name)
    hashed = assign(given, how="official")
    assert len(given) == 16_043
    assert hashed == given


def test_speakers_are_needed_to_split_by_them() -> None:
    with pytest.raises(ManifestError, match="--speaker-column"):
        assign(plain(), how="speaker")


@pytest.mark.parametrize("shares", [(), (100,), (0, 50, 50), (80, -10, 30), (1, 2, 3, 4)])
def test_shares_that_make_no_sense_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ManifestError, match="want numbers for train, validation and test"):
        assign(plain(), shares=shares)


def test_nothing_cannot_be_split() -> None:
    with pytest.raises(ManifestError, match="no clips to split"):
        assign(Manifest(items=()))
