"""What a run comes to, whatever its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sonant import training
from sonant.manifest import Manifest


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


def outcome(
    fitted: training.Fitted,
    bundle: Path,
    *,
    report: Path | None = None,
    tested: Mapping[str, float] | None = None,
    unreadable: tuple[str, ...] = (),
) -> Outcome:
    """The outcome of a training; `tested` are figures of the test split, `unreadable` clips found later."""
    best = fitted.folder.history()[fitted.best_epoch - 1]
    figures = {name: value for name, value in best.items() if name.endswith(training.FIGURES)}
    return Outcome(
        bundle=bundle,
        folder=fitted.folder.path,
        report=report,
        metrics=figures | dict(tested or {}),
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        unreadable=(*fitted.unreadable, *unreadable),
    )


def describe(manifest: Manifest, *, what: str = "labels") -> str:
    """How many clips of how many labels a run is about, in a line."""
    counts = {split: len(manifest.where(split=split)) for split in manifest.splits}
    parts = ", ".join(f"{count} {split}" for split, count in counts.items())
    return f"{manifest.name}: {len(manifest.labels)} {what}, {parts} clips ({manifest.origin})"
