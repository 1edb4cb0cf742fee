"""Which trials a user asks about: drawn from data as it was split for training, or read from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sonant.card import Card
from sonant.data import sources, speaker_splits
from sonant.data.preparation import DataConfig
from sonant.errors import ManifestError
from sonant.events import Note, OnEvent, silent
from sonant.manifest import Columns, Item, Manifest
from sonant.speakers import calibrating, genders, pairing
from sonant.speakers.pairing import DIFFERENT_PER_SAME, PER_SPEAKER
from sonant.verification.sessions import name_of
from sonant.verification.trials import TrialList


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user says of the trials."""

    data: Manifest | Path | str | None = None
    """Clips with speakers; None where the table alone does."""
    split: str = "test"
    table: Path | None = None
    """A table of trials, in place of drawing some."""
    columns: Columns | None = None
    audio: Path | None = None
    """The folder that paths of a table start from."""
    per_speaker: int = PER_SPEAKER
    """Pairs drawn of each speaker, at most."""
    different_per_same: int = DIFFERENT_PER_SAME
    """Pairs of two speakers for each of these."""
    two_sessions: bool = False
    """Whether pairs known to be of one session are left out."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Trials, and all that is known of their clips."""

    trials: TrialList
    items: tuple[Item, ...]
    """The clip of each of `trials.clips`."""
    manifest: Manifest | None
    """All clips in their splits; None where only a table was given."""
    genders: Mapping[str, str] = field(default_factory=dict)
    """Those of speakers, where the data says them."""


def find(asked: Asked, *, card: Card, on_event: OnEvent = silent) -> Found:
    """Draw the trials, or read them.

    Data is split as it was for training, so that `test` and `validation` hold speakers that the model never
    heard. Where most speakers of a split have one clip only, its two ends are compared, and a note says so.
    Raises `ManifestError` where there is no such split, or trials and clips do not fit.
    """
    if asked.table is None and asked.data is None:
        raise ManifestError(
            "nobody is there to compare: name clips with speakers by --data, or trials by --trials"
        )
    manifest = None if asked.data is None else as_trained(asked, card, on_event=on_event)
    said = {} if manifest is None else _genders(asked, manifest)
    if asked.table is None:
        assert manifest is not None
        drawn = pairing.draw(
            manifest,
            split=asked.split,
            per_speaker=asked.per_speaker,
            different_per_same=asked.different_per_same,
            two_sessions=asked.two_sessions,
            seed=asked.seed,
        )
        if drawn.remark:
            on_event(Note(f"{asked.split}: {drawn.remark}"))
        return Found(trials=drawn.trials, items=drawn.items, manifest=manifest, genders=said)
    given = TrialList.load(asked.table)
    if manifest is not None:
        items = _among(given, manifest)
    else:
        items = calibrating.located(given, asked.audio or asked.table.parent)
    trials = calibrating.named(given, items)
    return Found(trials=trials, items=items, manifest=manifest, genders=said)


def as_trained(asked: Asked, card: Card, *, on_event: OnEvent = silent) -> Manifest:
    """The data of whole speakers, split by the recipe of a bundle."""
    given = sources.load(asked.data, columns=asked.columns, audio=asked.audio, on_event=on_event)
    config = DataConfig.from_dict(card.recipe.get("data", {}))
    return speaker_splits.prepare(config, given, seed=int(card.recipe.get("seed", 0)))


def _among(trials: TrialList, manifest: Manifest) -> tuple[Item, ...]:
    """The clips of a list, which may be segments of clips that the manifest has whole."""
    root = manifest.root
    whole = {name_of(item, root): item for item in manifest}
    segments: list[Item] = []
    located: Sequence[Item] = calibrating.located(trials, Path())
    for name, place in zip(trials.clips, located, strict=True):
        item = whole.get(name.partition("#t=")[0])
        if name not in whole and item is not None:
            segments.append(replace(item, start_s=place.start_s, end_s=place.end_s))
    return trials.items(manifest.with_items((*manifest, *segments)))


def _genders(asked: Asked, manifest: Manifest) -> dict[str, str]:
    if isinstance(asked.data, Manifest) or asked.data is None:
        return genders.known(manifest.root)
    return genders.known(Path(asked.data), asked=asked.columns, root=manifest.root)
