"""Runs for models of words: clips in splits, an evaluation with its report, exports."""

from __future__ import annotations

import json
from pathlib import Path

from sonant import plots, report, training
from sonant.bundle import versions
from sonant.evaluation import evaluate
from sonant.events import Note, OnEvent, Working
from sonant.exporting import export
from sonant.exporting.form import Form
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.runs.outcome import Outcome, describe, outcome
from sonant.scoring import Report
from sonant.training.run_folder import RunFolder


def prepare(recipe: Recipe, given: Manifest, on_event: OnEvent) -> Manifest:
    """The clips in their splits."""
    manifest = recipe.data.prepare(given, seed=recipe.seed)
    on_event(Note(describe(manifest)))
    return _answerable(manifest, on_event)


def finish(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, given: Manifest, on_event: OnEvent
) -> Outcome:
    """Evaluate the bundle, write its report, and export it as the recipe asks."""
    tested = _evaluate(recipe, fitted, bundle, on_event=on_event)
    for name in recipe.exports:
        form = Form.named(name)
        bundle = export(bundle, form, data=fitted.readable, on_event=on_event).bundle
    return outcome(
        fitted,
        bundle,
        report=fitted.folder.report if tested else None,
        tested=_figures(tested),
        unreadable=tested.unreadable if tested else (),
    )


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


def _evaluate(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, *, on_event: OnEvent
) -> Report | None:
    """Evaluate the bundle on the test split, or on validation where there is none; draw and write it all."""
    there = fitted.readable.splits
    split = next((name for name in ("test", "validation") if name in there), None)
    if split is None:
        return None
    result = evaluate(
        bundle,
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


def _figures(tested: Report | None) -> dict[str, float]:
    if tested is None or tested.split == "validation":
        return {}
    return {
        f"{tested.split}_accuracy": tested.accuracy,
        f"{tested.split}_macro_f1": tested.macro_f1,
    }
