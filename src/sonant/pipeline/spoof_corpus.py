"""Stages about the data of a detector: gathered from all that was made, and audited. No torch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from sonant import page
from sonant.errors import ManifestError
from sonant.events import Note, Working
from sonant.listing.spoof_labels import BONAFIDE
from sonant.manifest import Item, Manifest
from sonant.pipeline.making import Bench, Made
from sonant.pipeline.settings import Auditing, Gathering
from sonant.spoofing import auditing, conditions, equalising
from sonant.spoofing.equalising import Equal
from sonant.spoofing.page import of_audit

ROUNDS: Final = 200
TEST: Final = "test"


def gather(settings: Gathering, bench: Bench) -> Made:
    """One table of bona fide clips and forgeries, equalised; what is held out is in the test alone.

    Raises `ManifestError` where a generator or vocoder that is to be held out made nothing.
    """
    items = list(_recordings(settings, bench))
    known: dict[str, dict[str, str]] = {}
    for table in bench.inputs["spoofs"]:
        clips = Manifest.load(table)
        said = conditions.read(table, clips)
        for item in clips:
            about = dict(conditions.of(item, said))
            if item.split == TEST or not _held_out(settings, about):
                items.append(item)
                known[conditions.place_of(item)] = about
    _check(settings, known)
    found = equalising.equalise(
        Manifest(items=tuple(items), name=bench.name, origin="splits of whole speakers, as given"),
        bench.folder / "equal",
        equal=Equal(length_s=settings.length_s, level_db=settings.level_db),
        conditions=known,
        on_progress=lambda done, total: bench.on_event(
            Working(what="equalising", done=done, total=total)
        ),
    )
    if found.left_out:
        bench.on_event(Note(f"{len(found.left_out)} clips left out, as {found.left_out[0]}"))
    return Made(
        path=found.table,
        beside=(bench.folder / "equal",),
        figures=_counts(found.manifest) | {"left out": float(len(found.left_out))},
        clips=len(found.manifest),
        seconds=len(found.manifest) * settings.length_s,
    )


def audit(settings: Auditing, bench: Bench) -> Made:
    """Equal error rates of forests that hear no speech; near 50 % is as it should be."""
    found = auditing.audit(
        Manifest.load(bench.one("data")),
        rounds=ROUNDS,
        seed=settings.seed,
        on_progress=lambda done, total: bench.on_event(
            Working(what="measuring", done=done, total=total)
        ),
    )
    report = page.write(bench.folder / "report.html", of_audit(found))
    rates = {f"eer by {one.group}": one.eer.value for one in found.shortcuts}
    return Made(path=report, report=report, figures=rates)


def _recordings(settings: Gathering, bench: Bench) -> Sequence[Item]:
    """Bona fide clips, of each split no more than asked for."""
    given = Manifest.load(bench.one("data"))
    kept: list[Item] = []
    for split in given.splits:
        items = list(given.where(split=split).items)
        random.Random(f"{settings.seed}|{split}").shuffle(items)
        kept += items[: settings.bonafide or None]
    return [replace(item, label=BONAFIDE, path=Path(item.path).absolute()) for item in kept]


def _held_out(settings: Gathering, about: dict[str, str]) -> bool:
    return (
        about.get("generator") in settings.held_out_generators
        or about.get("vocoder") in settings.held_out_vocoders
    )


def _check(settings: Gathering, known: dict[str, dict[str, str]]) -> None:
    for column, names in (
        ("generator", settings.held_out_generators),
        ("vocoder", settings.held_out_vocoders),
    ):
        there = {about.get(column, "") for about in known.values()} - {""}
        for name in names:
            if name not in there:
                raise ManifestError(
                    f"held_out_{column}s: {name} made no clip of the test; those that did: "
                    f"{', '.join(sorted(there)) or 'none'}"
                )


def _counts(clips: Manifest) -> dict[str, float]:
    return {
        f"{split} {label}": float(len(clips.where(split=split, labels=(label,))))
        for split in clips.splits
        for label in clips.labels
    }
