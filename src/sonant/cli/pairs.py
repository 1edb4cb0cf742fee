"""Which trials `sonant speaker calibrate` takes, and what their clips are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sonant.errors import ManifestError
from sonant.listing.columns import Columns

if TYPE_CHECKING:
    from sonant.card import Card
    from sonant.manifest import Item, Manifest
    from sonant.speakers.verdict import OperatingPoint
    from sonant.verification.trials import TrialList

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say."""

    data: str
    """Folder, table or corpus of clips with speakers; empty for none."""
    split: str
    table: Path | None
    """A table of trials."""
    columns: Columns
    audio: Path | None
    per_speaker: int
    two_sessions: bool
    seed: int


def find(asked: Asked, *, card: Card) -> tuple[TrialList, Sequence[Item]]:
    """The trials, and the clip of each of their names.

    Data is split as it was for training, so that `validation` holds speakers that the model never heard.
    Raises `ManifestError` where there is no such split, or trials and clips do not fit.
    """
    from sonant.speakers import calibrating
    from sonant.verification.trials import TrialList

    if asked.table is None:
        if not asked.data:
            raise typer.BadParameter("name clips with speakers by --data, or trials by --trials")
        manifest = _as_trained(asked, card)
        if asked.split not in (ALL, *manifest.splits):
            there = ", ".join(manifest.splits) or "none"
            raise ManifestError(
                f"{manifest.name}: has no split {asked.split!r} (there: {there}); take another by "
                f"--split, best one that was not trained on"
            )
        try:
            drawn = TrialList.make(
                manifest,
                split="" if asked.split == ALL else asked.split,
                per_speaker=asked.per_speaker,
                two_sessions=asked.two_sessions,
                seed=asked.seed,
            )
        except ManifestError as error:
            raise ManifestError(f"--split {asked.split}: {error}") from error
        return drawn, drawn.items(manifest)
    given = TrialList.load(asked.table)
    if asked.data:
        items = given.items(_as_trained(asked, card))
    else:
        items = calibrating.located(given, asked.audio or asked.table.parent)
    return calibrating.named(given, items), items


def point(prior: float, *, cost_miss: float, cost_false_accept: float) -> OperatingPoint:
    """What was asked for; raises `typer.BadParameter` out of range."""
    from sonant.speakers.verdict import OperatingPoint

    try:
        return OperatingPoint(prior=prior, cost_miss=cost_miss, cost_false_accept=cost_false_accept)
    except ValueError as error:
        raise typer.BadParameter(
            "--prior is between 0 and 1, and --cost-miss and --cost-false-accept are above 0"
        ) from error


def _as_trained(asked: Asked, card: Card) -> Manifest:
    from sonant.data import sources, speaker_splits
    from sonant.data.preparation import DataConfig

    manifest = sources.load(asked.data, columns=asked.columns, audio=asked.audio)
    config = DataConfig.from_dict(card.recipe.get("data", {}))
    return speaker_splits.prepare(config, manifest, seed=int(card.recipe.get("seed", 0)))
