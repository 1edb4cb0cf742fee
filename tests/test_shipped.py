"""The recipes in the package are found without torch, and are those that training finds."""

from __future__ import annotations

import pytest

from sonant import recipe, shipped
from sonant.bundle import build_classifier
from sonant.models.classifier import StreamingClassifier


def test_there_is_one_folder_of_recipes_and_one_default() -> None:
    assert shipped.FOLDER == recipe.SHIPPED
    assert shipped.DEFAULT == recipe.DEFAULT


def test_the_default_is_one_of_them() -> None:
    assert (shipped.FOLDER / f"{shipped.DEFAULT}.toml").is_file()


KEYWORDS = [n for n in recipe.shipped() if recipe.Recipe.load(n).task == "keywords"]


@pytest.mark.parametrize("name", KEYWORDS)
def test_the_recipes_that_are_said_to_stream_do_and_no_others(name: str) -> None:
    model = build_classifier(recipe.Recipe.load(name), ("yes", "no"))
    assert isinstance(model, StreamingClassifier) is (name in shipped.STREAMING)
