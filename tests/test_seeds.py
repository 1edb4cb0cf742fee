"""Several trainings of a detector: the same clips, other seeds, a spread, a choice on validation alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sonant import runs, seeds
from sonant.errors import RecipeError
from sonant.manifest import Manifest
from sonant.runs import Outcome
from sonant.spoofing import conditions
from spoof_bundle import write_clips
from spoof_corpus import SPOOF_RECIPE

FIGURES = {0: (0.2, 0.05), 1: (0.1, 0.30), 2: (0.3, 0.10)}
"""Equal error rates on validation and on the test split, by seed."""
ANEW = ["data.split=stratified"]


class Trainings:
    """Stands in for `runs.train` and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, recipe: object, data: object, **settings: Any) -> Outcome:
        self.asked.append({"data": data, **settings})
        seed = int(settings["overrides"][-1].removeprefix("seed="))
        validation, test = FIGURES[seed]
        return Outcome(
            bundle=settings["out"] / "bundle",
            folder=settings["out"],
            report=None,
            metrics={"validation_eer": validation, "test_eer": test},
            epochs=1,
            best_epoch=1,
            unreadable=(),
        )


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    found = Trainings()
    monkeypatch.setattr(runs, "train", found)
    return found


def test_the_spread_is_that_of_all_and_the_bundle_is_the_best_on_validation(
    trainings: Trainings, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips")
    found = seeds.train(
        SPOOF_RECIPE, tmp_path / "clips", count=3, out=tmp_path / "run", overrides=ANEW
    )
    assert found is not None
    assert found.seeds == (0, 1, 2)
    assert found.bundle == tmp_path / "run" / "seed-1" / "bundle"
    assert found.figures["test_eer"].values == (0.05, 0.30, 0.10)
    assert found.figures["test_eer"].mean == pytest.approx(0.15)
    assert found.figures["test_eer"].deviation == pytest.approx(0.1322876)
    assert json.loads((tmp_path / "run" / seeds.FILE).read_text()) == found.to_json()


def test_every_training_is_given_the_same_clips_in_the_same_splits(
    trainings: Trainings, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips")
    seeds.train(
        SPOOF_RECIPE,
        tmp_path / "clips",
        count=2,
        out=tmp_path / "run",
        overrides=[*ANEW, "data.shares=[60, 20, 20]"],
    )
    (table,) = {asked["data"] for asked in trainings.asked}
    manifest = Manifest.load(table)
    assert manifest.splits == ("train", "validation", "test")
    known = conditions.read(table, manifest)
    assert {conditions.of(item, known).get("attack", "") for item in manifest} == {
        "",
        "near",
        "far",
    }
    for seed, asked in enumerate(trainings.asked):
        assert asked["overrides"][-2:] == ["data.split=given", f"seed={seed}"]


def test_a_single_training_goes_where_it_is_told_with_the_data_as_they_are(
    trainings: Trainings, tmp_path: Path
) -> None:
    found = seeds.train(SPOOF_RECIPE, tmp_path, count=1, out=tmp_path / "run", overrides=["seed=2"])
    assert found is not None
    assert found.figures["test_eer"].deviation == 0.0
    (asked,) = trainings.asked
    assert (asked["data"], asked["out"]) == (tmp_path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_only_trainings_that_were_begun_are_resumed(trainings: Trainings, tmp_path: Path) -> None:
    write_clips(tmp_path / "clips")
    (tmp_path / "run" / "seed-0").mkdir(parents=True)
    seeds.train(
        SPOOF_RECIPE,
        tmp_path / "clips",
        count=2,
        out=tmp_path / "run",
        overrides=ANEW,
        resume=True,
    )
    assert [asked["resume"] for asked in trainings.asked] == [True, False]


def test_no_training_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="seeds: 0"):
        seeds.train(SPOOF_RECIPE, tmp_path, count=0)
