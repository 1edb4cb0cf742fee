"""The recipes in the package are found without torch, and are those that training finds."""

from __future__ import annotations

from sonant import recipe, shipped


def test_there_is_one_folder_of_recipes_and_one_default() -> None:
    assert shipped.FOLDER == recipe.SHIPPED
    assert shipped.DEFAULT == recipe.DEFAULT


def test_the_default_is_one_of_them() -> None:
    assert (shipped.FOLDER / f"{shipped.DEFAULT}.toml").is_file()
