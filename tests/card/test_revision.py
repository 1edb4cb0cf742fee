"""A bundle is never rewritten: more is said of it in a next version beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundles import write_bundle
from sonant.card import Card, find
from sonant.card.revision import revise
from sonant.errors import BundleError

EXPORT = {
    "files": ["exports/tones.tflite"],
    "format": "tflite",
    "mode": "whole",
    "int8": False,
    "front_end": True,
    "report": {"bytes": 3},
}


@pytest.fixture
def bundle(tmp_path: Path) -> Card:
    return Card.read(write_bundle(tmp_path))


@pytest.fixture
def extra(tmp_path: Path) -> Path:
    file = tmp_path / "made.tflite"
    file.write_bytes(b"abc")
    return file


def test_the_next_version_has_the_old_files_and_the_new_ones(bundle: Card, extra: Path) -> None:
    changes = {"exports": {"tflite-whole": EXPORT}}
    folder = revise(bundle, files={"exports/tones.tflite": extra}, changes=changes)
    card = Card.read(folder)
    assert (card.version, card.provenance.parent) == (2, "tones/1")
    assert set(card.files) == {*bundle.files, "exports/tones.tflite"}
    assert card.exports["tflite-whole"].files == ("exports/tones.tflite",)
    assert card.exports["tflite-whole"].report == {"bytes": 3}
    assert find(bundle.path.parent) == folder


def test_the_old_version_stays_as_it_was(bundle: Card, extra: Path) -> None:
    revise(bundle, files={"exports/tones.tflite": extra}, changes={"licence": "CC0"})
    assert Card.read(bundle.path) == bundle


def test_a_file_that_is_given_is_copied_and_may_change_afterwards(
    bundle: Card, extra: Path
) -> None:
    folder = revise(bundle, files={"exports/tones.tflite": extra}, changes={})
    extra.write_bytes(b"other")
    Card.read(folder).verify()


def test_tables_are_added_to_and_other_entries_replaced(bundle: Card, extra: Path) -> None:
    files = {"exports/tones.tflite": extra}
    second = Card.read(revise(bundle, files=files, changes={"exports": {"one": EXPORT}}))
    third = Card.read(revise(second, files={}, changes={"exports": {"two": EXPORT}}))
    assert (set(third.exports), third.version) == ({"one", "two"}, 3)
    point = {"threshold": 0.5}
    fourth = Card.read(revise(third, files={}, changes={"operating_point": point}))
    assert fourth.operating_point == point


def test_nothing_is_left_behind_when_it_fails(bundle: Card, extra: Path) -> None:
    with pytest.raises(BundleError, match="leads out of the bundle"):
        revise(bundle, files={"../../escaped": extra}, changes={})
    assert [path.name for path in bundle.path.parent.iterdir()] == ["1"]


def test_a_bundle_outside_its_numbered_folder_is_refused(bundle: Card) -> None:
    loose = bundle.path.rename(bundle.path.parent / "copy")
    with pytest.raises(BundleError, match="copy it to such a folder"):
        revise(Card.read(loose), files={}, changes={})
