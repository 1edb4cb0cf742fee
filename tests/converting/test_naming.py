"""Names for files that no other file has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.converting import naming


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["a/one.wav", "b/two.wav"], ["one", "two"]),
        (["a/one.wav", "b/one.wav", "b/two.wav"], ["a-one", "b-one", "two"]),
        (["x/a/one.wav", "y/a/one.wav"], ["x-a-one", "y-a-one"]),
        (["a/one.wav", "a/one.flac"], ["one.wav", "one.flac"]),
        (["/one.wav", "/b/one.wav"], ["one", "b-one"]),
        (["one.wav", "b/one.wav"], ["one", "b-one"]),
        (["a/ONE.wav", "b/one.wav"], ["a-ONE", "b-one"]),
        # What one is called by its stem, the other would be by its folder.
        (["x/a-one.wav", "a/one.wav", "b/one.wav"], ["a-one", "one.wav", "b-one"]),
    ],
)
def test_a_stem_gets_as_much_of_its_path_as_it_takes(paths: list[str], wanted: list[str]) -> None:
    found = naming.names([Path(path) for path in paths])
    assert found == wanted


def test_a_folder_keeps_what_stands_behind_its_dot() -> None:
    assert naming.names([Path("v1.0"), Path("v1.1")], folders=True) == ["v1.0", "v1.1"]


PART = st.text("aAb.-", min_size=1, max_size=3).filter(lambda part: part.strip("."))


@given(st.lists(st.lists(PART, min_size=1, max_size=4), min_size=1, max_size=12))
def test_no_two_files_share_a_name_whatever_their_order(parts: list[list[str]]) -> None:
    paths = [Path(*names[:-1], f"{names[-1]}.wav") for names in parts]
    found = naming.names(paths)
    by_path = dict(zip(paths, found, strict=True))
    assert len({name.casefold() for name in by_path.values()}) == len(by_path)
    turned = naming.names(paths[::-1])
    assert dict(zip(paths[::-1], turned, strict=True)) == by_path
    assert not any("/" in name for name in found)


def test_a_name_that_is_there_already_gets_a_number() -> None:
    assert naming.distinct(["a", "b", "A", "a"]) == ["a", "b", "A-2", "a-3"]
