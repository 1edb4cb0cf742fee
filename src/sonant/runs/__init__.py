"""Whole runs, as a person thinks of them: data and recipe in; bundle, figures and report out.

A new task is a file that prepares its data and finishes its runs, and a row in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from sonant import training
from sonant.card import find
from sonant.data import sources
from sonant.errors import RecipeError
from sonant.events import OnEvent, silent
from sonant.exporting import try_out
from sonant.manifest import Columns, Manifest
from sonant.recipe import DEFAULT, Recipe
from sonant.recipe.one_task import TaskName
from sonant.runs import conversion, keywords, speakers, spoofing, vocoding
from sonant.runs.outcome import Outcome
from sonant.training.transfer import tuned
from sonant.training.vocoding import fit_vocoder

__all__ = ["KINDS", "RUNS", "Kind", "Outcome", "run_folder", "train"]

RUNS = Path("runs")


class Kind(NamedTuple):
    """What a run of a task does around the training."""

    prepare: Callable[[Recipe, Manifest, OnEvent], Manifest]
    """The data as given -> the clips of the task in their splits."""
    finish: Callable[[Recipe, training.Fitted, Path, Manifest, OnEvent], Outcome]
    """From recipe, training, bundle and the data as given, what the run came to."""
    other_recipe: bool
    """Whether a training that begins with a bundle may have another recipe than the bundle's own."""
    fit: Callable[..., training.Fitted] = training.fit
    """Who trains, as `training.fit` does."""


KINDS: Final[dict[TaskName, Kind]] = {
    "keywords": Kind(keywords.prepare, keywords.finish, other_recipe=False),
    "speakers": Kind(speakers.prepare, speakers.finish, other_recipe=True),
    "conversion": Kind(speakers.prepare, conversion.finish, other_recipe=True),
    "spoofing": Kind(spoofing.prepare, spoofing.finish, other_recipe=True),
    "vocoding": Kind(vocoding.prepare, vocoding.finish, other_recipe=True, fit=fit_vocoder),
}
"""Runs by the task of their recipe."""


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
    kind = KINDS[recipe.task]
    manifest = kind.prepare(recipe, given, on_event)
    fitted = kind.fit(
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
    return kind.finish(recipe, fitted, fitted.bundle, given, on_event)


def _resolved(
    recipe: Recipe | Path | str | None, overrides: Sequence[str], parent: Path | str | None
) -> Recipe:
    if parent is not None:
        if recipe is not None and not isinstance(recipe, Recipe):
            begun = Recipe.load(recipe, overrides)
            if KINDS[begun.task].other_recipe:  # another loss, as of triplets, is another recipe
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


def run_folder(name: str, *, resume: bool) -> Path:
    """`runs/<name>`, or the first of `-2`, `-3`... that does not exist; to resume, the last that does."""
    folders = [RUNS / name, *(RUNS / f"{name}-{number}" for number in range(2, 10_000))]
    free = next(number for number, folder in enumerate(folders) if not folder.exists())
    return folders[max(0, free - 1)] if resume else folders[free]
