"""The tour: everything a user does, in one call. The README's demo and a test are this function."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sonant import runs
from sonant.data import sources
from sonant.errors import TrainingError
from sonant.events import Note, OnEvent, Working, silent
from sonant.manifest import Manifest
from sonant.prediction import predict
from sonant.recipe import DEFAULT

MARK = ".sonant-demo"
"""Stands in a folder that the tour made, and may make anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toured:
    """What the tour brought."""

    corpus: Path
    folder: Path
    bundle: Path
    report: Path
    predictions: Path
    test_accuracy: float
    """On speakers that training never heard."""
    predicted: int
    """Clips in `predictions`."""
    seconds: float

    def paths(self) -> Mapping[str, Path]:
        """What to look at, by name."""
        return {
            "corpus": self.corpus,
            "run folder": self.folder,
            "bundle": self.bundle,
            "report": self.report,
            "predictions": self.predictions,
        }

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return {name: str(v) if isinstance(v, Path) else v for name, v in asdict(self).items()}


def tour(
    out: Path, *, data: Manifest | None = None, recipe: str = DEFAULT, on_event: OnEvent = silent
) -> Toured:
    """Speak a corpus (unless `data` is given), train, evaluate, predict, and write the report."""
    began = time.monotonic()
    _clear(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    on_event(Note("1. the corpus: words spoken by this machine, no speaker in two splits"))
    manifest = sources.load(data, on_event=on_event)
    on_event(Note(f"2. training: recipe {recipe}"))
    outcome = runs.train(recipe, manifest, out=out, on_event=on_event)
    if outcome is None or outcome.report is None:
        raise TrainingError("the tour wants one process and a test split")
    on_event(Note("3. prediction: the test clips, as a user would ask"))
    clips = [item.path for item in manifest.where(split="test")]
    predictions = out / "predictions.csv"
    done = predict(
        outcome.bundle,
        clips,
        output=predictions,
        on_progress=lambda done, total: on_event(
            Working(what="predicting", done=done, total=total)
        ),
    )
    return Toured(
        corpus=clips[0].parents[1],
        folder=out,
        bundle=outcome.bundle,
        report=outcome.report,
        predictions=predictions,
        test_accuracy=outcome.metrics["test_accuracy"],
        predicted=done.rows,
        seconds=time.monotonic() - began,
    )


def _clear(out: Path) -> None:
    """The demo's folder is made anew each time; a folder that is not the demo's is left alone."""
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / MARK).exists():
        raise TrainingError(
            f"{out}: exists and was not made by the demo; give --out another folder"
        )
    shutil.rmtree(out)
