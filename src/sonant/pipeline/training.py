"""Stages that make bundles: trainings by a recipe, fusions, calibrations."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Final

from sonant import page, runs, seeds
from sonant.assessment import fusing
from sonant.assessment import trials as asking
from sonant.assessment.trials import Asked
from sonant.card import Card
from sonant.errors import RecipeError, TrainingError
from sonant.events import Working
from sonant.manifest import Manifest
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Calibrating, Detecting, Fusing, Training
from sonant.recipe import Recipe
from sonant.recipe.one_task import TaskName
from sonant.speakers import calibrating
from sonant.speakers.model import SpeakerModel
from sonant.spoofing import conditions, scoring
from sonant.spoofing.detector import Detector
from sonant.spoofing.page import of_report

ROUNDS: Final = 200
"""Redraws of an interval: those of a report on the way."""
TEST: Final = "test"


def trained(task: TaskName) -> Callable[[Training, Bench], Made]:
    """The call of stages whose recipes are of this task."""

    def make(settings: Training, bench: Bench) -> Made:
        recipe = _recipe(settings)
        if recipe.task != task:
            raise RecipeError(
                f"{bench.name}: the recipe {recipe.name} is of the task {recipe.task}, want one of {task}"
            )
        folder = bench.folder / "run"
        outcome = runs.train(
            settings.recipe,
            bench.one("data"),
            out=folder,
            overrides=settings.settings,
            device=bench.device,
            resume=folder.exists(),
            rehearsal=settings.rehearsal,
            on_event=bench.on_event,
        )
        if outcome is None:
            raise TrainingError(
                f"{bench.name}: a pipeline trains in one process, not under torchrun"
            )
        figures = {"epochs": float(outcome.epochs), **outcome.metrics}
        return Made(path=outcome.bundle, report=outcome.report, figures=figures)

    return make


def recipe_of(settings: Training | Detecting) -> object:
    """The recipe with every default written out."""
    return _recipe(settings).to_dict()


def fuse(settings: Fusing, bench: Bench) -> Made:
    """One verifier of several, weighed on the validation split."""
    report = bench.folder / "report.html"
    found = fusing.fuse(
        bench.inputs["bundles"],
        Asked(data=bench.one("data"), split="validation"),
        weights=settings.weights,
        name=bench.name,
        out=bench.folder / "bundle",
        rounds=ROUNDS,
        write_to=report,
        on_event=bench.on_event,
    )
    card = Card.read(found.bundle)
    weights = {f"weight {name}": value for name, value in found.weights.items()}
    return Made(path=found.bundle, report=report, figures={**weights, **card.metrics})


def calibrate(settings: Calibrating, bench: Bench) -> Made:
    """A copy of a bundle whose next version knows what its scores mean."""
    given = bench.one("bundle")
    own = bench.folder / "bundle" / given.parent.name / given.name
    shutil.copytree(given, own)
    model = SpeakerModel.load(own, threads=1)
    asked = Asked(
        data=bench.one("data"),
        split=settings.split,
        per_speaker=settings.per_speaker,
        different_per_same=1,
        seed=settings.seed,
    )
    drawn = asking.find(asked, card=model.card, on_event=bench.on_event)
    found = calibrating.calibrate(
        model,
        drawn.trials,
        drawn.items,
        rounds=ROUNDS,
        seed=settings.seed,
        on_progress=_progress(bench, "listening"),
    )
    rates = {name: rate.value for name, rate in found.figures.rates.items()}
    return Made(path=calibrating.keep(model.card, found), figures=rates)


def detector(settings: Detecting, bench: Bench) -> Made:
    """A detector, calibrated on validation and judged on the test split by attack, generator, vocoder."""
    folder, table = bench.folder / "run", bench.one("data")
    found = seeds.train(
        settings.recipe,
        table,
        count=settings.seeds,
        out=folder,
        overrides=settings.settings,
        device=bench.device,
        resume=folder.exists(),
        rehearsal=settings.rehearsal,
        on_event=bench.on_event,
    )
    if found is None:
        raise TrainingError(f"{bench.name}: a pipeline trains in one process, not under torchrun")
    clips = Manifest.load(table)
    judged = scoring.score(
        Detector.load(found.bundle, threads=1),
        clips.where(split=TEST),
        split=TEST,
        conditions=conditions.read(table, clips),
        rounds=ROUNDS,
        on_progress=_progress(bench, "judging"),
    )
    report = page.write(bench.folder / "report.html", of_report(judged))
    figures = {name: rate.value for name, rate in judged.whole.rates.items()}
    figures |= {f"eer {p.column} {p.value}": p.rates["eer"].value for p in judged.parts}
    figures |= (
        {f"{name} deviation": one.deviation for name, one in found.figures.items()}
        if (settings.seeds > 1)
        else {}
    )
    return Made(path=found.bundle, report=report, figures=figures, clips=len(judged.clips))


def _recipe(settings: Training | Detecting) -> Recipe:
    return Recipe.load(settings.recipe, settings.settings)


def _progress(bench: Bench, what: str) -> Callable[[int, int], object]:
    def tell(done: int, total: int) -> None:
        bench.on_event(Working(what=what, done=done, total=total))

    return tell
