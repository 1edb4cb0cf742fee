"""A JSON object is taken apart key by key, and a complaint names the file and the whole key."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.errors import BundleError
from sonant.json_tree import JsonTree


def tree(**values: object) -> JsonTree:
    return JsonTree(file=Path("card.json"), where="", values=values)


def test_values_of_the_right_type_come_out() -> None:
    given = tree(text="a", count=3, number=1, inner={"x": 1.5})
    assert (given.text("text"), given.count("count")) == ("a", 3)
    assert given.number("number") == 1.0
    assert given.table("inner").numbers() == {"x": 1.5}


def test_an_inner_key_is_named_with_its_path() -> None:
    with pytest.raises(BundleError, match=r"^card\.json: inner\.x: 'y' is str, want int$"):
        tree(inner={"x": "y"}).table("inner").count("x")


def test_true_is_no_number() -> None:
    with pytest.raises(BundleError, match="True is bool, want int or float"):
        tree(x=True).number("x")


def test_a_choice_lists_what_may_be_chosen() -> None:
    assert tree(x="a").choice("x", ("a", "b")) == "a"
    with pytest.raises(BundleError, match="x: 'c' is not one of a, b"):
        tree(x="c").choice("x", ("a", "b"))


def test_checksums_are_names_inside_and_64_digits() -> None:
    good = {"a/b.bin": "0123456789abcdef" * 4}
    assert tree(files=good).table("files").checksums(but="card.json") == good
    with pytest.raises(BundleError, match=r"files\.card\.json: is no file inside the folder"):
        tree(files={"card.json": "0" * 64}).table("files").checksums(but="card.json")
