"""Slips in label names are found; words that merely look alike are not."""

from __future__ import annotations

import pytest

from sonant.data.label_names import suspicions

WORDS = {"yes": 100, "no": 100, "right": 100, "left": 100, "three": 100}


def odd(**extra: int) -> dict[str, str]:
    """Suspicious labels among the usual ones and some more, with what was probably meant."""
    return {found.label: found.like for found in suspicions({**WORDS, **extra})}


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("rihgt", "right"),  # changed over
        ("rght", "right"),  # missing
        ("rigght", "right"),  # doubled
        ("rigth", "right"),
        ("lept", "left"),  # another letter
        ("yse", "yes"),
        ("yess", "yes"),
    ],
)
def test_a_rare_label_one_slip_from_a_common_one(label: str, meant: str) -> None:
    assert odd(**{label: 3}) == {label: meant}


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("Right", "right"),
        ("right ", "right"),
        (" right", "right"),
        ("right_", "right"),
        ("right.", "right"),
        ("right (1)", "right"),
        ("right - Copy", "right"),
        ("RIGHT", "right"),
    ],
)
@pytest.mark.parametrize("clips", [3, 90])
def test_labels_that_differ_only_in_how_they_are_written(
    label: str, meant: str, clips: int
) -> None:
    assert odd(**{label: clips}) == {label: meant}


@pytest.mark.parametrize("label", [".git", ".DS_Store", "__MACOSX", "Thumbs.db"])
def test_leavings_of_the_system_are_no_labels(label: str) -> None:
    assert label in odd(**{label: 3})


@pytest.mark.parametrize(("label", "meant"), [("silence", "_silence_"), ("Unknown", "_unknown_")])
def test_special_names_need_their_underscores(label: str, meant: str) -> None:
    assert odd(**{label: 100}) == {label: meant}
    assert odd(**{label: 100, meant: 20}) == {label: meant}
    assert odd(**{meant: 20}) == {}


@pytest.mark.parametrize("label", ["two  words", "tab\t", "bell\a", "broken\ufffd"])
def test_blanks_and_characters_that_cannot_be_seen(label: str) -> None:
    assert label in odd(**{label: 50})


@pytest.mark.parametrize(
    ("one", "other"),
    [("no", "go"), ("on", "no"), ("one", "on"), ("tree", "three"), ("four", "for"), ("bed", "bad")],
)
def test_short_or_well_filled_words_are_left_alone(one: str, other: str) -> None:
    assert suspicions({one: 100, other: 60}) == []


@pytest.mark.parametrize("clips", [1, 3, 20])
def test_a_known_word_is_no_slip_however_rare(clips: int) -> None:
    assert odd(tree=clips) == {}
    assert suspicions({"on": clips, "one": 500, "no": 500, "go": 500}) == []


def test_numbers_tell_labels_apart() -> None:
    assert suspicions({"arctic_a0001": 100, "arctic_a0002": 1, "word10": 2, "word11": 90}) == []


def test_words_of_other_scripts_are_words() -> None:
    assert suspicions({"हाँ": 100, "हूँ": 90, "نعم": 100, "لا": 80, "はい": 70, "いいえ": 60}) == []


def test_an_empty_label_is_not_its_business() -> None:
    assert suspicions({"": 5, "yes": 100}) == []


def test_answers_are_sorted_whatever_the_order() -> None:
    counts = {"yes": 100, "YES": 3, "no": 50, "No": 2, "yess": 1}

    assert suspicions(counts) == suspicions(dict(reversed(counts.items())))
    assert [found.label for found in suspicions(counts)] == ["No", "YES", "yess"]
