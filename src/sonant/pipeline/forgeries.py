"""The table of forgeries that a stage gives: each clip, whose voice it claims to be, and how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sonant.listing.spoof_labels import SPOOF
from sonant.manifest import Item, Manifest
from sonant.spoofing import conditions

TABLE: Final = "forgeries.csv"
CONVERSION, COPY = "conversion", "copy-synthesis"
"""Attacks besides the methods of `sonant attack`."""


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
