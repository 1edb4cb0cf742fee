"""The same training of a detector from several seeds: one result says little, their spread how little."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sonant import runs, whole_file
from sonant.data import sources, spoof_splits
from sonant.errors import RecipeError
from sonant.events import Note, OnEvent, silent
from sonant.manifest import Columns, Manifest
from sonant.recipe import Recipe
from sonant.runs import Outcome
from sonant.spoofing import conditions

FILE: Final = "seeds.json"
CLIPS: Final = "clips.csv"
CHOOSE_BY: Final = "validation_eer"
"""What the bundle is chosen by; a test figure never chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure of every training."""

    values: tuple[float, ...]
    """In the order of the seeds."""

    @property
    def mean(self) -> float:
        """Over the trainings."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """Of the sample; 0 of one training, of which nothing is known."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What trainings from several seeds came to."""

    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    bundle: Path
    """Of the training that was best on the validation split."""
    figures: Mapping[str, Spread]
    """What all trainings have a figure of, by its name."""

    def to_json(self) -> dict[str, Any]:
        """Plain tables."""
        figures = {
            name: {"values": list(one.values), "mean": one.mean, "deviation": one.deviation}
            for name, one in self.figures.items()
        }
        bundles = [str(outcome.bundle) for outcome in self.outcomes]
        return {
            "seeds": list(self.seeds),
            "bundle": str(self.bundle),
            "bundles": bundles,
            "figures": figures,
        }


def train(
    recipe: Path | str,
    data: Manifest | Path | str,
    *,
    count: int = 3,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    columns: Columns | None = None,
    audio: Path | None = None,
    device: str = "auto",
    resume: bool = False,
    skip_unreadable: bool = False,
    rehearsal: bool = True,
    on_event: OnEvent = silent,
) -> Seeded | None:
    """Train a recipe `count` times, its seed one higher each time, in folders `seed-N` below `out`.

    A single training goes to `out` itself. With `resume` what is finished is kept. The clips are the same
    each time, also where sonant splits them. Returns None in processes that write nothing. Raises as
    `runs.train` does.
    """
    if count < 1:
        raise RecipeError(f"seeds: {count} is not above 0")
    first = Recipe.load(recipe, overrides)
    name = first.name if count == 1 else f"{first.name}-seeds"
    home = out if out is not None else runs.run_folder(name, resume=resume)
    seeds = tuple(first.seed + number for number in range(count))
    settings = [*overrides]
    if count > 1:
        data, columns, audio = _clips(first, data, home, columns, audio), None, None
        settings.append("data.split=given")
    outcomes = []
    for seed in seeds:
        folder = home if count == 1 else home / f"seed-{seed}"
        if count > 1:
            on_event(Note(f"seed {seed}: {folder}"))
        outcome = runs.train(
            recipe,
            data,
            out=folder,
            overrides=[*settings, f"seed={seed}"],
            columns=columns,
            audio=audio,
            device=device,
            resume=resume and folder.exists(),
            skip_unreadable=skip_unreadable,
            rehearsal=rehearsal,
            on_event=on_event,
        )
        if outcome is None:
            return None
        outcomes.append(outcome)
    found = _gathered(seeds, outcomes)
    if count > 1:
        whole_file.write_text(home / FILE, json.dumps(found.to_json(), indent=2) + "\n")
    return found


def _clips(
    recipe: Recipe,
    data: Manifest | Path | str,
    home: Path,
    columns: Columns | None,
    audio: Path | None,
) -> Path:
    """The table of clips in their splits that every training is given."""
    table = home / CLIPS
    if not table.exists():
        manifest = sources.load(data, columns=columns, audio=audio)
        known = {} if isinstance(data, Manifest) else conditions.read(data, manifest)
        home.mkdir(parents=True, exist_ok=True)
        prepared = spoof_splits.prepare(recipe.data, manifest, seed=recipe.seed)
        conditions.write(table, prepared, known)
    return table


def _gathered(seeds: tuple[int, ...], outcomes: Sequence[Outcome]) -> Seeded:
    shared = [name for name in outcomes[0].metrics if all(name in o.metrics for o in outcomes)]
    figures = {name: Spread(values=tuple(o.metrics[name] for o in outcomes)) for name in shared}
    best = min(outcomes, key=lambda outcome: outcome.metrics.get(CHOOSE_BY, 0.0))
    return Seeded(seeds=seeds, outcomes=tuple(outcomes), bundle=best.bundle, figures=figures)
