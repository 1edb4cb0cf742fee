"""A recipe is of one task: what the task has for itself is written out, what is another's is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sonant.errors import RecipeError
from sonant.recipe import Recipe
from sonant.recipe.one_task import TASKS

SPEAKERS = {
    "name": "voices",
    "task": "speakers",
    "front_end": {"name": "utterance"},
    "model": {"name": "tdnn"},
    "fit": {"monitor": "eer"},
}


def test_a_recipe_for_speakers_writes_its_own_settings_out_and_others_have_none() -> None:
    recipe = Recipe.from_dict(SPEAKERS, ["speaker.loss.name=aam", "speaker.loss.margin=0.5"])
    assert recipe.to_dict()["speaker"]["loss"] == {
        "name": "aam", "margin": 0.5, "scale": 30.0, "rise": [0, 0],
    }  # fmt: skip
    assert Recipe.from_dict(SPEAKERS).to_dict()["speaker"]["crops"] == 8
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe
    assert "speaker" not in Recipe.load("ds-cnn").to_dict()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.name=ds_cnn", "model: is for task = 'keywords'"),
        ("front_end.name=log_mel", "front_end: is for task = 'keywords'"),
        ("task=keywords", "front_end: is for task = 'speakers'"),
        ("fit.monitor=accuracy", "fit.monitor: .* set eer or loss"),
        ("fit.label_smoothing=0.1", "fit.label_smoothing: is not for speakers"),
        ("augment.mixup_alpha=0.2", "augment.mixup_alpha: is not for speakers"),
        ("augment.context_ms=100", "augment.context_ms: is not for speakers"),
        ("data.words.wanted=yes,no", "data.words.wanted: is not for speakers"),
        ('exports=["onnx-whole"]', "exports: is not for speakers"),
        ("speaker.together=7", "fit.batch: 64 crops are no multiple"),
    ],
)
def test_settings_of_another_task_are_refused_by_name(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.from_dict(SPEAKERS, [override])


def test_keywords_have_no_speaker_table_and_no_equal_error_rate() -> None:
    with pytest.raises(RecipeError, match="speaker: is for task = 'speakers'"):
        Recipe.load("ds-cnn", ["speaker.crops=3"])
    with pytest.raises(RecipeError, match=r"fit.monitor: 'eer' .* set accuracy or loss"):
        Recipe.load("ds-cnn", ["fit.monitor=eer"])


CONVERSION = {
    "name": "voices",
    "task": "conversion",
    "front_end": {"name": "voice_mel"},
    "model": {"name": "again_vc"},
    "fit": {"monitor": "loss"},
}


def test_a_recipe_for_conversion_writes_its_own_settings_out() -> None:
    recipe = Recipe.from_dict(CONVERSION, ["conversion.segment_frames=64"])
    assert recipe.to_dict()["conversion"]["segment_frames"] == 64
    assert recipe.to_dict()["conversion"]["crops"] == 200
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.name=tdnn", "model: is for task = 'speakers', and this one is 'conversion'"),
        ("front_end.name=utterance", "front_end: is for task = 'speakers'"),
        ("fit.monitor=accuracy", "fit.monitor: .* are validated by; set loss"),
        ("speaker.crops=3", "speaker: is for task = 'speakers'"),
        ("augment.time_masks=1", "augment.time_masks: is not for conversion"),
        ("fit.class_weights=balanced", "fit.class_weights: is not for conversion"),
        ("conversion.segment_frames=1", "recipe.conversion: segment_frames: 1, but"),
    ],
)
def test_settings_that_a_converter_has_no_use_for_are_refused(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.from_dict(CONVERSION, [override])


def test_a_bundle_of_speakers_beside_the_recipe_is_found_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    file = tmp_path / "mine.toml"
    recipe = Recipe.from_dict(CONVERSION, ["conversion.speaker=judge"])
    file.write_text(recipe.to_toml())
    found = Recipe.load(file).conversion
    assert found is not None
    assert Path(found.speaker) == tmp_path / "judge"


def test_a_name_means_the_same_settings_in_every_task() -> None:
    for tables in ([t.front_ends for t in TASKS.values()], [t.models for t in TASKS.values()]):
        kinds: dict[str, type] = {}
        for table in tables:
            for name, kind in table.items():
                assert kinds.setdefault(name, kind) is kind, name
