"""Runs for spoof detectors: calibrated on the validation split, judged on speakers never heard."""

from __future__ import annotations

import json
from pathlib import Path

from sonant import training
from sonant.data import spoof_splits
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, Working
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.runs.outcome import Outcome, describe, outcome
from sonant.spoofing import calibrating, scoring
from sonant.spoofing.detector import Detector
from sonant.spoofing.page import of_report


def prepare(recipe: Recipe, given: Manifest, on_event: OnEvent) -> Manifest:
    """The clips as bona fide or spoof, no speaker in two splits."""
    manifest = spoof_splits.prepare(recipe.data, given, seed=recipe.seed)
    on_event(Note(describe(manifest)))
    return manifest


def finish(
    recipe: Recipe, fitted: training.Fitted, bundle: Path, given: Manifest, on_event: OnEvent
) -> Outcome:
    """With the bundle's scores calibrated on validation, and figures and a page of the test split.

    The threshold, as the epoch, is chosen on validation alone.
    """
    bundle = _calibrated(fitted, bundle, on_event)
    manifest = fitted.readable.where(split="test")
    try:
        found = scoring.score(
            Detector.load(bundle, threads=1),
            manifest,
            split="test",
            on_progress=lambda done, total: on_event(
                Working(what="evaluating", done=done, total=total)
            ),
        )
    except ManifestError as error:
        on_event(Note(f"no report: {error}"))
        return outcome(fitted, bundle)
    fitted.folder.write_text(fitted.folder.evaluation, json.dumps(found.to_json(), indent=2) + "\n")
    fitted.folder.write_text(fitted.folder.report, of_report(found))
    figures = {f"test_{name}": rate.value for name, rate in found.whole.rates.items()}
    return outcome(
        fitted,
        bundle,
        report=fitted.folder.report,
        tested=figures,
        unreadable=found.left_out,
    )


def _calibrated(fitted: training.Fitted, bundle: Path, on_event: OnEvent) -> Path:
    """The next version of the bundle, which knows what its scores mean; the same where that is unknown."""
    detector = Detector.load(bundle, threads=1)
    if detector.calibration is not None:
        return bundle  # of a run that was finished before
    manifest = fitted.readable.where(split="validation")
    try:
        found = calibrating.calibrate(detector, manifest)
    except ManifestError as error:
        on_event(Note(f"scores stay uncalibrated: {error}"))
        return bundle
    return calibrating.keep(detector.card, found, chosen_on=f"{manifest.name}, validation")
