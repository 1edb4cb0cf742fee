"""Dictionaries become dataclasses, and every wrong key is named by its path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from sonant import strict
from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    width: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    width: int
    kernels: tuple[tuple[int, int], ...] = ((3, 3),)


Net = Small | Large


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    net: Net = Small()
    rate: float = 0.1
    on: bool = False
    kind: Literal["fast", "slow"] = "fast"
    pair: tuple[float, float] = (0.0, 1.0)
    words: tuple[str, ...] = ()
    level: float | None = None

    def __post_init__(self) -> None:
        if self.rate > 1:
            raise RecipeError(f"rate: {self.rate} is above 1")


TABLES = {Net: {"small": Small, "large": Large}}


def build(tree: Any) -> Tree:
    made: Tree = strict.build(Tree, tree, "recipe", tables=TABLES)
    return made


def test_a_whole_tree_goes_there_and_back() -> None:
    tree = {
        "net": {"name": "large", "width": 8, "kernels": [[3, 3], [5, 3]]},
        "rate": 0.5,
        "on": True,
        "kind": "slow",
        "pair": [1.0, 2.0],
        "words": ["yes", "no"],
        "level": 3.0,
    }
    made = build(tree)
    assert made.net == Large(width=8, kernels=((3, 3), (5, 3)))
    assert strict.plain(made, tables=TABLES) == tree


def test_none_is_left_out() -> None:
    assert "level" not in strict.plain(Tree(), tables=TABLES)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"rat": 0.5}, r"recipe\.rat: no such setting \(did you mean rate\?\)"),
        ({"net": {"name": "large"}}, r"recipe\.net\.width: missing"),
        (
            {"net": {"name": "larg"}},
            r"recipe\.net\.name: 'larg' is not one of .*did you mean large",
        ),
        ({"net": {"width": 3}}, r"recipe\.net\.name: None is not one of"),
        ({"net": 3}, r"recipe\.net: 3 is int, want a table"),
        ({"net": {"name": "small", "width": 3.5}}, r"recipe\.net\.width: 3\.5 is float, want int"),
        ({"net": {"name": "small", "width": True}}, r"recipe\.net\.width: True is bool, want int"),
        ({"on": 1}, r"recipe\.on: 1 is int, want bool"),
        ({"rate": "high"}, r"recipe\.rate: 'high' is str, want float"),
        (
            {"kind": "fats"},
            r"recipe\.kind: 'fats' is not one of fast, slow \(did you mean fast\?\)",
        ),
        ({"pair": [1.0]}, r"recipe\.pair: \[1\.0\] has 1 values, want 2"),
        ({"words": "yes"}, r"recipe\.words: 'yes' is str, want a list"),
        ({"words": ["yes", 3]}, r"recipe\.words\[1\]: 3 is int, want str"),
        ({"rate": 2.0}, r"recipe: rate: 2\.0 is above 1"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(tree)


def test_a_whole_number_serves_as_a_fraction() -> None:
    assert build({"rate": 1}).rate == 1.0


def test_an_override_sets_one_key_and_another_name_clears_the_settings_of_the_former() -> None:
    tree: dict[str, Any] = {"net": {"name": "large", "width": 8}}
    for setting in ("rate = 0.5", "net.width=4", "words=yes,no", "kind=slow"):
        strict.override(tree, setting)
    assert tree == {
        "net": {"name": "large", "width": 4}, "rate": 0.5, "words": ["yes", "no"], "kind": "slow",
    }  # fmt: skip
    strict.override(tree, "net.name=small")
    assert tree["net"] == {"name": "small"}


@pytest.mark.parametrize("setting", ["rate", "=3", "rate.deep=3", "rate=[1"])
def test_an_override_that_cannot_be_read_is_refused(setting: str) -> None:
    with pytest.raises(RecipeError):
        strict.override({"rate": 0.1}, setting)
