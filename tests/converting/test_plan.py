"""What is converted into what, and what the results are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.converting.plan import plan
from sonant.errors import ManifestError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Sources three folders deep, targets of two speakers; a plan opens none of them."""
    for name in ("source/1/10/1-10-0.flac", "source/1/10/1-10-1.flac", "source/2/20/2-20-0.wav"):
        touch(tmp_path / name)
    for name in ("target/anna/a.wav", "target/anna/b.ogg", "target/bert/a.wav"):
        touch(tmp_path / name)
    return tmp_path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_every_source_goes_into_every_voice(tree: Path) -> None:
    found = plan([tree / "source"], [tree / "target"])
    assert [pair.name for pair in found.pairs] == [
        f"{source}_to_{voice}"
        for source in ("1-10-0", "1-10-1", "2-20-0")
        for voice in ("anna-a", "b", "bert-a")
    ]
    assert found.pairs[0].source == tree / "source/1/10/1-10-0.flac"
    assert found.pairs[0].voice.files == (tree / "target/anna/a.wav",)
    assert len(found.files) == 6


def test_a_folder_of_recordings_can_be_one_voice(tree: Path) -> None:
    found = plan([tree / "source/2"], [tree / "target"], voices="folder")
    assert [pair.name for pair in found.pairs] == ["2-20-0_to_anna", "2-20-0_to_bert"]
    assert [len(pair.voice.files) for pair in found.pairs] == [2, 1]


def test_all_recordings_can_be_one_voice(tree: Path) -> None:
    (pair,) = plan([tree / "source/2"], [tree / "target"], voices="all").pairs
    assert (pair.name, len(pair.voice.files)) == ("2-20-0_to_target", 3)


def test_a_recording_is_not_converted_into_itself(tree: Path) -> None:
    found = plan([tree / "target/anna"], [tree / "target/anna"])
    assert [pair.name for pair in found.pairs] == ["a_to_b", "b_to_a"]
    assert found.own == 2
    with pytest.raises(ManifestError, match="name another target"):
        plan([tree / "target/bert"], [tree / "target/bert"])


def test_a_file_that_is_named_twice_is_converted_once(tree: Path) -> None:
    folder = tree / "source/2"
    found = plan([folder, folder / "20/2-20-0.wav"], [tree / "target/bert"])
    assert [pair.name for pair in found.pairs] == ["2-20-0_to_a"]


def test_pairs_are_drawn_by_the_seed_and_keep_the_order_of_all(tree: Path) -> None:
    every = [p.name for p in plan([tree / "source"], [tree / "target"]).pairs]
    drawn = [
        [p.name for p in plan([tree / "source"], [tree / "target"], pairs=pairs, seed=seed).pairs]
        for pairs, seed in (("random 4", 1), ("random:4", 1), ("random 4", 5))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 4
    assert drawn[0] == [name for name in every if name in drawn[0]]


@pytest.mark.parametrize("pairs", ["random", "random 0", "random -1", "some", "random x"])
def test_other_words_for_pairs_are_refused(tree: Path, pairs: str) -> None:
    with pytest.raises(ManifestError, match="want all, 'random N', or a CSV"):
        plan([tree / "source"], [tree / "target"], pairs=pairs)


def test_more_pairs_than_there_are_cannot_be_drawn(tree: Path) -> None:
    with pytest.raises(ManifestError, match="only 9 different pairs"):
        plan([tree / "source"], [tree / "target"], pairs="random 10")


def test_pairs_can_stand_in_a_table(tree: Path) -> None:
    table = tree / "pairs.csv"
    table.write_text(
        "source,target\n1/10/1-10-0.flac,anna/b.ogg\nsource/2/20/2-20-0.wav,bert/a.wav\n"
        "1/10/1-10-0.flac,anna/b.ogg\n"
    )
    found = plan([tree / "source"], [tree / "target"], pairs=str(table))
    assert [pair.name for pair in found.pairs] == ["1-10-0_to_b", "2-20-0_to_a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,target\nnone.wav,anna/b.ogg\n", r"line 2: there is no file 'none.wav'"),
        ("source,to\na,b\n", "has no column 'target'"),
    ],
)
def test_a_table_that_does_not_hold_together_is_refused(
    tree: Path, text: str, message: str
) -> None:
    table = tree / "pairs.csv"
    table.write_text(text)
    with pytest.raises(ManifestError, match=message):
        plan([tree / "source"], [tree / "target"], pairs=str(table))


def test_two_pairs_never_share_a_file(tmp_path: Path) -> None:
    for name in ("s/a.wav", "s/a_to_b.wav", "t/b_to_c.wav", "t/c.wav"):
        touch(tmp_path / name)
    names = [pair.name for pair in plan([tmp_path / "s"], [tmp_path / "t"]).pairs]
    assert len(set(names)) == 4
    assert sorted(names)[:2] == ["a_to_b_to_b_to_c", "a_to_b_to_c"]


def test_what_is_not_there_is_named(tree: Path) -> None:
    with pytest.raises(ManifestError, match="nowhere"):
        plan([tree / "nowhere"], [tree / "target"])
    with pytest.raises(ManifestError, match="--target"):
        plan([tree / "source"], [])
