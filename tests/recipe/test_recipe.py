"""A recipe is read strictly, changed from the command line, and written back whole."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sonant.bundle import KINDS, build_classifier
from sonant.errors import ModelError, RecipeError
from sonant.models import MODELS
from sonant.models.kws_cnn import KwsCNNConfig
from sonant.recipe import Recipe, find, shipped


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_names_itself_and_builds(name: str) -> None:
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert recipe.about
    KINDS[recipe.task].build(recipe, ["a", "b"])


@pytest.mark.parametrize("name", shipped())
def test_there_and_back_through_toml_is_the_same_recipe(name: str) -> None:
    recipe = Recipe.load(name)
    again = Recipe.from_dict(tomllib.loads(recipe.to_toml()))
    assert again == recipe
    assert again.digest == recipe.digest


def test_every_model_has_a_recipe() -> None:
    recipes = [Recipe.load(name) for name in shipped()]
    words = [recipe for recipe in recipes if recipe.task == "keywords"]
    assert {recipe.to_dict()["model"]["name"] for recipe in words} == set(MODELS)


def test_overrides_are_toml_values_or_what_a_shell_user_means() -> None:
    recipe = Recipe.load(
        "kws-cnn",
        [
            "fit.epochs=3",
            "fit.learning_rate = 1e-4",
            "data.pad=edge",
            "data.labels=yes,no",
            "model.kernels=(3,3),(5,3),(5,3),(5,3),(5,2),(5,1),(3,1)",
            "model.units=[128, 256]",
            "model.unit_activations=linear,relu",
        ],
    )
    assert (recipe.fit.epochs, recipe.fit.learning_rate, recipe.data.pad) == (3, 1e-4, "edge")
    assert recipe.data.labels == ("yes", "no")
    assert isinstance(recipe.model, KwsCNNConfig)
    assert recipe.model.kernels[-1] == (3, 1)
    assert recipe.model.unit_activations == ("linear", "relu")


def test_another_model_by_name_starts_from_its_own_defaults() -> None:
    recipe = Recipe.load("kws-cnn", ["model.units=[64,64]", "model.name=spectral_cnn"])
    assert recipe.to_dict()["model"]["name"] == "spectral_cnn"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("fit.epoch=3", r"recipe\.fit\.epoch: no such setting \(did you mean epochs\?\)"),
        ("fit.epochs=3.5", r"recipe\.fit\.epochs: 3\.5 is float, want int"),
        ("fit.epochs=0", r"recipe\.fit: epochs: 0 is not above 0"),
        ("fit.epochs", "an override is written key=value"),
        ("fit.epochs.x=3", "epochs is a value, not a table"),
        ("data.labels=[yes", "cannot be read as a value"),
        ("model.name=kws_cn", r"recipe\.model\.name: .*did you mean kws_cnn"),
        ("data.rate_hz=0", "not a sample rate"),
        ("fit.label_smoothing=1.0", r"not in \[0, 1\)"),
    ],
)
def test_a_wrong_override_is_named(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.load("kws-cnn", [override])


def test_an_unknown_recipe_lists_those_there_are() -> None:
    with pytest.raises(RecipeError, match=r"did you mean kws-cnn\?.*tutorial-simple-audio"):
        find("kws-cn")


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(RecipeError, match=r"bad\.toml: is not TOML"):
        Recipe.load(tmp_path / "bad.toml")


def test_lists_that_collapse_a_layer_are_refused_when_the_model_is_built() -> None:
    recipe = Recipe.load("kws-cnn", ["front_end.hop_length=640", "front_end.coefficients=10"])
    with pytest.raises(ModelError, match=r"layer 5.*model\.kernels"):
        build_classifier(recipe, ["a", "b"])


def test_a_noise_folder_beside_the_recipe_is_found_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "noises").mkdir()
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\n[front_end]\nname = "log_mel"\n[model]\nname = "spectrogram_cnn"\n'
        '[augment]\nnoise = "noises"\nrir = "elsewhere"\n'
    )
    recipe = Recipe.load(file)
    assert Path(recipe.augment.noise) == tmp_path / "noises"
    assert recipe.augment.rir == "elsewhere"


def test_plain_tables_can_be_changed_by_overrides_and_stay_as_they_were() -> None:
    tree = Recipe.load("commands-small").to_dict()
    assert Recipe.from_dict(tree, ["fit.epochs=3"]).fit.epochs == 3
    assert Recipe.from_dict(tree) == Recipe.load("commands-small")
