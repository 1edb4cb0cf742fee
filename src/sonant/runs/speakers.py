"""Runs for models of voices: whole speakers in splits, and pairs of speakers never heard."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from sonant import training
from sonant.bundle import load_embedder, versions
from sonant.data import speaker_splits
from sonant.data.cache import decode_manifest
from sonant.data.speaker_batches import SpeakerSplit
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, Working
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.report.speakers import render
from sonant.runs.outcome import Outcome, describe, outcome
from sonant.speakers import evaluating, pairing
from sonant.speakers.model import SpeakerModel
from sonant.tasks.speaker_scores import HeldOut


def prepare(recipe: Recipe, given: Manifest, on_event: OnEvent) -> Manifest:
    """The clips with their speakers for labels, no speaker in two splits."""
    manifest = speaker_splits.prepare(recipe.data, given, seed=recipe.seed)
    on_event(Note(describe(manifest, what="speakers")))
    return manifest


def finish(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, given: Manifest, on_event: OnEvent
) -> Outcome:
    """With figures of the test split's speakers, where there are some."""
    manifest = fitted.readable.where(split="test")
    decoded = decode_manifest(manifest, rate_hz=recipe.data.rate_hz, among=given)
    held = HeldOut(recipe, SpeakerSplit.of(manifest, decoded.store, "test"))
    if not held.pieces.has_both:
        return outcome(fitted, bundle)
    found = held.embeddings(load_embedder(bundle), device=torch.device("cpu"))
    figures = {f"test_{name}": value for name, value in held.figures(found).items()}
    about = {**figures, "trials": held.describe()}
    fitted.folder.write_text(fitted.folder.evaluation, json.dumps(about, indent=2) + "\n")
    page = _report(recipe, fitted, bundle, on_event)
    return outcome(fitted, bundle, report=page, tested=figures)


def _report(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, on_event: OnEvent
) -> Path | None:
    """The page of the bundle on trials of the test split, kept beside it; None where none can be asked."""
    folder = fitted.folder
    try:
        drawn = pairing.draw(fitted.readable, split="test")
        found = evaluating.evaluate(
            SpeakerModel.load(bundle, threads=1),
            drawn.trials,
            drawn.items,
            on_progress=lambda done, total: on_event(
                Working(what="evaluating", done=done, total=total)
            ),
        )
    except ManifestError as error:
        on_event(Note(f"no report: {error}"))
        return None
    trials = drawn.trials.save(folder.path / "report.trials.csv")
    page = render(
        found,
        title=recipe.name,
        trials=trials.name,
        history=folder.history(),
        best_epoch=fitted.best_epoch,
        recipe=recipe.to_toml(),
        environment=versions(),
        summary=folder.summary.read_text(),
    )
    folder.write_text(folder.report, page)
    return folder.report
