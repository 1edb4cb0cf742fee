"""The folder of a model: numbered children are versions, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.catalog.fake_versions import write
from sonant.serving.catalog import All, ModelConfig, Policy, Specific
from sonant.serving.catalog.folders import Found, look, number_of


def found(base: Path, policy: Policy | None = None) -> Found:
    return look(ModelConfig(name="a", base_path=base, policy=policy or All()))


def test_only_whole_numbers_are_versions(tmp_path: Path) -> None:
    write(
        tmp_path,
        "1",
        "00000123",
        "2_tmp",
        "1.0",
        "-3",
        "v4",
        " 5",
        "+6",
        "7 ",
        "0x8",
        ".9",
        "\u0661",
    )
    (tmp_path / "10").write_text("a file")
    assert found(tmp_path) == Found(
        versions={123: tmp_path / "00000123", 1: tmp_path / "1"}, warnings=()
    )


def test_a_copy_under_another_name_is_seen_once_it_is_renamed(tmp_path: Path) -> None:
    write(tmp_path, "1", "2_tmp")
    assert list(found(tmp_path).versions or ()) == [1]
    (tmp_path / "2_tmp").rename(tmp_path / "2")
    assert list(found(tmp_path).versions or ()) == [2, 1]


def test_a_folder_without_numbers_asks_what_was_forgotten(tmp_path: Path) -> None:
    write(tmp_path, "model")
    assert found(tmp_path) == Found(
        versions={},
        warnings=(
            f"No versions of servable a found under base path {tmp_path}. "
            f"Did you forget to name your leaf directory as a number (eg. '/1/')?",
        ),
    )


def test_of_a_folder_that_is_not_there_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("gone", "file", "circle"):
        seen = found(tmp_path / name)
        assert seen.versions is None
        assert f"Could not find base path {tmp_path / name}" in seen.warnings[0]


def test_a_named_version_that_is_missing_is_told(tmp_path: Path) -> None:
    seen = found(write(tmp_path, "1"), Specific(versions=(1, 9)))
    assert list(seen.versions or ()) == [1]
    assert "Version 9 of servable a, which was requested" in seen.warnings[0]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")
    (base / "2").symlink_to(write(tmp_path / "elsewhere", "2") / "2")
    (base / "3").symlink_to(base / "1")
    seen = found(base)
    assert list(seen.versions or ()) == [3, 1]
    assert "leads out of" in seen.warnings[0]


def test_of_two_folders_with_one_number_the_shorter_name_counts(tmp_path: Path) -> None:
    seen = found(write(tmp_path, "007", "7"))
    assert seen.versions == {7: tmp_path / "7"}
    assert "version 7 is in 7 already" in seen.warnings[0]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("0", 0),
        ("00000123", 123),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_a_number_has_64_bits_at_most(name: str, number: int | None) -> None:
    assert number_of(name) == number


@given(st.text(max_size=5))
def test_a_name_is_a_number_when_it_is_digits_and_nothing_else(name: str) -> None:
    digits = bool(name) and set(name) <= set("0123456789")
    assert (number_of(name) is not None) == digits
