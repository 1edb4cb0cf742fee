"""Whole runs, as a person thinks of them: data and recipe in; bundle, figures and report out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from sonant import plots, report, training
from sonant.bundle import load_embedder, versions
from sonant.card import find
from sonant.data import sources, speaker_splits
from sonant.data.cache import decode_manifest
from sonant.data.speaker_batches import SpeakerSplit
from sonant.errors import RecipeError
from sonant.evaluation import evaluate
from sonant.events import Note, OnEvent, Working, silent
from sonant.exporting import export, try_out
from sonant.exporting.form import Form
from sonant.manifest import Columns, Manifest
from sonant.recipe import DEFAULT, Recipe
from sonant.scoring import Report
from sonant.tasks.speaker_scores import HeldOut
from sonant.training.run_folder import RunFolder
from sonant.training.transfer import tuned

RUNS = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    bundle: Path
    """The bundle's version folder."""
    folder: Path
    """The run folder: curves, confusion matrix, report and all else."""
    report: Path | None
    """The page to look at; None where there was no clip to evaluate on."""
    metrics: dict[str, float]
    """Figures of the best epoch on validation, and of the test split where there is one."""
    epochs: int
    best_epoch: int
    unreadable: tuple[str, ...]


def train(
    recipe: Recipe | Path | str | None = None,
    data: Manifest | Path | str | None = None,
    *,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    parent: Path | str | None = None,
    columns: Columns | None = None,
    audio: Path | None = None,
    device: str = "auto",
    resume: bool = False,
    rehearsal: bool = True,
    skip_unreadable: bool = False,
    on_event: OnEvent = silent,
) -> Outcome | None:
    """Train a recipe on data, evaluate it on the test split, write the report.

    `recipe` is a shipped name, a TOML file or a `Recipe`; with `parent`, a bundle to fine-tune, it is the
    bundle's own, at a tenth of its learning rate. `data` is a folder, a CSV or JSON-lines file, a
    fetched corpus by name, a `Manifest`, or None for the corpus sonant makes itself. `columns` names
    columns of a table that are not found by themselves, `audio` the folder its paths start from. A clip
    that cannot be read, of the test as well, stops the run before it begins, unless `skip_unreadable`
    leaves it out by name. Returns None in the processes of a distributed run that write nothing.
    """
    recipe = _resolved(recipe, overrides, parent)
    given = sources.load(data, columns=columns, audio=audio, on_event=on_event)
    manifest = _prepared(recipe, given, on_event)
    fitted = training.fit(
        recipe,
        manifest,
        among=given,
        out=Path(out) if out is not None else run_folder(recipe.name, resume=resume),
        device=device,
        resume=resume,
        rehearsal=rehearsal,
        also_rehearse=partial(try_out, recipe.exports) if recipe.exports else None,
        skip_unreadable=skip_unreadable,
        on_event=on_event,
    )
    if fitted.bundle is None:
        return None
    bundle = fitted.bundle
    if recipe.task == "speakers":
        return _speakers_outcome(recipe, fitted, bundle, among=given)
    tested = _evaluate(recipe, fitted, on_event=on_event)
    for name in recipe.exports:
        form = Form.named(name)
        bundle = export(bundle, form, data=fitted.readable, on_event=on_event).bundle
    return Outcome(
        bundle=bundle,
        folder=fitted.folder.path,
        report=fitted.folder.report if tested else None,
        metrics=_metrics(fitted, tested),
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        unreadable=(*fitted.unreadable, *(tested.unreadable if tested else ())),
    )


def _resolved(
    recipe: Recipe | Path | str | None, overrides: Sequence[str], parent: Path | str | None
) -> Recipe:
    if parent is not None:
        if recipe is not None and not isinstance(recipe, Recipe):
            begun = Recipe.load(recipe, overrides)
            if begun.task == "speakers":  # another loss, as of triplets, is another recipe
                return replace(begun, parent=str(find(Path(parent)).resolve()))
        if recipe is not None:
            raise RecipeError("a bundle is fine-tuned by its own recipe: name one or the other")
        return tuned(Path(parent), overrides)
    if not isinstance(recipe, Recipe):
        return Recipe.load(DEFAULT if recipe is None else recipe, overrides)
    if overrides:
        raise RecipeError(
            "overrides change a recipe that is read; a Recipe object is taken as it is"
        )
    return recipe


def _prepared(recipe: Recipe, given: Manifest, on_event: OnEvent) -> Manifest:
    """The clips of a recipe's task in their splits."""
    if recipe.task == "speakers":
        manifest = speaker_splits.prepare(recipe.data, given, seed=recipe.seed)
        on_event(Note(_describe(manifest, what="speakers")))
        return manifest
    manifest = recipe.data.prepare(given, seed=recipe.seed)
    on_event(Note(_describe(manifest)))
    return _answerable(manifest, on_event)


def run_folder(name: str, *, resume: bool) -> Path:
    """`runs/<name>`, or the first of `-2`, `-3`... that does not exist; to resume, the last that does."""
    folders = [RUNS / name, *(RUNS / f"{name}-{number}" for number in range(2, 10_000))]
    free = next(number for number, folder in enumerate(folders) if not folder.exists())
    return folders[max(0, free - 1)] if resume else folders[free]


def _describe(manifest: Manifest, *, what: str = "labels") -> str:
    counts = {split: len(manifest.where(split=split)) for split in manifest.splits}
    parts = ", ".join(f"{count} {split}" for split, count in counts.items())
    return f"{manifest.name}: {len(manifest.labels)} {what}, {parts} clips ({manifest.origin})"


def _answerable(manifest: Manifest, on_event: OnEvent) -> Manifest:
    """Without the test clips that nothing can be right about: of labels training never hears, or none."""
    trained = {item.label for item in manifest if item.split in ("train", "validation")}
    left_out = [item for item in manifest if item.split == "test" and item.label not in trained]
    if not left_out:
        return manifest
    labels = sorted({item.label or "(no label)" for item in left_out})
    on_event(
        Note(
            f"left out of the test: {len(left_out)} clips whose labels training never hears: "
            f"{', '.join(labels)}"
        )
    )
    away = set(map(id, left_out))
    return manifest.with_items(tuple(item for item in manifest if id(item) not in away))


def _evaluate(recipe: Recipe, fitted: training.Fitted, *, on_event: OnEvent) -> Report | None:
    """Evaluate the bundle on the test split, or on validation where there is none; draw and write it all."""
    there = fitted.readable.splits
    split = next((name for name in ("test", "validation") if name in there), None)
    if split is None or fitted.bundle is None:
        return None
    result = evaluate(
        fitted.bundle,
        fitted.readable,
        split=split,
        on_progress=lambda done, total: on_event(
            Working(what="evaluating", done=done, total=total)
        ),
    )
    write_report(result, fitted.folder, recipe, best_epoch=fitted.best_epoch)
    return result


def write_report(result: Report, folder: RunFolder, recipe: Recipe, *, best_epoch: int) -> None:
    """The pictures, figures and page of an evaluation, in a run folder."""
    folder.write_bytes(folder.confusion, plots.confusion(result.confusion, result.labels))
    folder.write_text(folder.evaluation, json.dumps(result.to_json(), indent=2) + "\n")
    page = report.render(
        result,
        title=recipe.name,
        history=folder.history(),
        best_epoch=best_epoch,
        recipe=recipe.to_toml(),
        environment=versions(),
        summary=folder.summary.read_text(),
        rate_hz=recipe.data.rate_hz,
    )
    folder.write_text(folder.report, page)


def _speakers_outcome(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, *, among: Manifest
) -> Outcome:
    """What a training of a speaker model came to, with the test split's speakers where there are some."""
    metrics = _best(fitted)
    manifest = fitted.readable.where(split="test")
    decoded = decode_manifest(manifest, rate_hz=recipe.data.rate_hz, among=among)
    held = HeldOut(recipe, SpeakerSplit.of(manifest, decoded.store, "test"))
    if held.pieces.has_both:
        found = held.embeddings(load_embedder(bundle), device=torch.device("cpu"))
        figures = {f"test_{name}": value for name, value in held.figures(found).items()}
        about = {**figures, "trials": held.describe()}
        fitted.folder.write_text(fitted.folder.evaluation, json.dumps(about, indent=2) + "\n")
        metrics |= figures
    return Outcome(
        bundle=bundle,
        folder=fitted.folder.path,
        report=None,
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        unreadable=fitted.unreadable,
    )


def _best(fitted: training.Fitted) -> dict[str, float]:
    """The figures of the best epoch."""
    best = fitted.folder.history()[fitted.best_epoch - 1]
    return {name: value for name, value in best.items() if name.endswith(training.FIGURES)}


def _metrics(fitted: training.Fitted, tested: Report | None) -> dict[str, float]:
    metrics = _best(fitted)
    if tested is not None and tested.split != "validation":
        metrics |= {
            f"{tested.split}_accuracy": tested.accuracy,
            f"{tested.split}_macro_f1": tested.macro_f1,
        }
    return metrics
