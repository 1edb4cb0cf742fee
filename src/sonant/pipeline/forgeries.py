"""The table of forgeries that a stage gives: each clip, whose voice it claims to be, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sonant.listing.spoof_labels import SPOOF
from sonant.manifest import Item, Manifest
from sonant.pipeline.making import Made, Sound
from sonant.spoofing import conditions

TABLE: Final = "forgeries.csv"
CONVERSION, COPY, REPLAY = "conversion", "copy-synthesis", "replay"
"""Attacks besides the methods of `sonant attack`."""
LIVE: Final = "room"
"""What stands in an attack's place where it is bona fide speech in the room of a replay."""
SHOWN: Final = 2
"""Of a stage's sounds, in the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """One clip that was made."""

    path: Path
    speaker: str
    """Whose voice it claims to be; it stands in this one's split."""
    split: str
    attack: str
    generator: str
    """The stage that made it."""
    vocoder: str = ""
    """The stage of its vocoder, or griffin-lim; empty where there was none."""
    label: str = SPOOF


def write(folder: Path, made: Sequence[Forgery]) -> Path:
    """Write the table into the folder of a stage; returns its path."""
    items = [
        Item(path=one.path.absolute(), label=one.label, speaker=one.speaker, split=one.split)
        for one in made
    ]
    known = {
        conditions.place_of(item): {
            name: value
            for name in ("attack", "generator", "vocoder")
            if (value := getattr(one, name))
        }
        for item, one in zip(items, made, strict=True)
    }
    clips = Manifest(items=tuple(items), name=folder.name)
    return conditions.write(folder / TABLE, clips, known)


def given(
    folder: Path,
    made: Sequence[Forgery],
    *,
    beside: Path,
    report: Path | None = None,
    figures: Mapping[str, float] | None = None,
    seconds: float,
) -> Made:
    """What a stage of forgeries gives: their table, the folder `beside` of sounds, some to listen to."""
    shown = [one for one in made if one.split == "test"][:SHOWN]
    return Made(
        path=write(folder, made),
        beside=(beside,),
        report=report,
        figures=figures or {},
        sounds=tuple(
            Sound(title=f"{one.attack}, as {one.speaker}", path=one.path, words=one.vocoder)
            for one in shown
        ),
        clips=len(made),
        seconds=seconds,
    )
