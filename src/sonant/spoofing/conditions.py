"""Which attack, which codec, which vocoder: what a table says of its clips besides what a manifest holds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from sonant.errors import ManifestError
from sonant.listing import tables
from sonant.listing.names import GAIN, canonical_column
from sonant.manifest import Item, Manifest, key_of

COLUMNS: Final = ("attack", "generator", "vocoder", "codec")
"""Columns that are looked for unless others are named."""
SAVED: Final = ("path", "label", "speaker", "split", "start_s", "end_s", GAIN)
"""Those that a manifest has, as they are written."""

Conditions: TypeAlias = Mapping[str, Mapping[str, str]]
"""For each clip, by `place_of`: column -> value, without the empty ones."""


def read(source: Path | str, manifest: Manifest, *, columns: Sequence[str] = ()) -> Conditions:
    """The conditions of the clips of a manifest, from the table that it was loaded from.

    A folder without a table has none. `columns` takes the place of `COLUMNS`. Raises `ManifestError` for a
    column that was asked for and is not there, and where table and manifest differ.
    """
    path = Path(source)
    if path.is_dir():
        places = (path / f"manifest{ending}" for ending in tables.ENDINGS)
        path = next((place for place in places if place.is_file()), path)
    if not path.is_file():
        if columns:
            raise ManifestError(f"{source}: is no table, and has no column {columns[0]!r}")
        return {}
    table = tables.read(path)
    known = {canonical_column(name): name for name in reversed(table.columns) if name}
    missing = [name for name in columns if canonical_column(name) not in known]
    if missing:
        raise ManifestError(
            f"{path}: has no column {missing[0]!r}; its columns are {', '.join(known.values())}"
        )
    if len(table.rows) != len(manifest):
        raise ManifestError(
            f"{path}: has {len(table.rows)} rows for {len(manifest)} clips; give the manifest as it was "
            "loaded, before clips were chosen"
        )
    asked = [name for name in columns or COLUMNS if canonical_column(name) in known]
    wanted = {name: known[canonical_column(name)] for name in asked}
    return {
        place_of(item): {
            name: row.cells[column] for name, column in wanted.items() if row.cells.get(column)
        }
        for item, row in zip(manifest, table.rows, strict=True)
    }


def of(item: Item, conditions: Conditions) -> Mapping[str, str]:
    """The conditions of one clip; empty where nothing is known of it."""
    return conditions.get(place_of(item), {})


def place_of(item: Item) -> str:
    """What names a clip whatever manifest it stands in: its file, and which part of it."""
    return key_of(item, Path())


def write(path: Path, manifest: Manifest, conditions: Conditions) -> Path:
    """Write a table that `Manifest.load` and `read` take back: the clips of a manifest with their conditions.

    Whole or not at all. Paths under the file's own folder are written relative to it.
    """
    base = Path(os.path.abspath(path.parent))
    columns = dict.fromkeys(name for item in manifest for name in of(item, conditions))
    rows: list[dict[str, tables.Value]] = [
        {
            "path": _from(base, Path(os.path.abspath(item.path))),
            "label": item.label,
            "speaker": item.speaker,
            "split": item.split,
            "start_s": item.start_s,
            "end_s": item.end_s,
            GAIN: None if item.gain == 1.0 else item.gain,
            **of(item, conditions),
        }
        for item in manifest
    ]
    used = [name for name in SAVED if any(row[name] not in ("", None) for row in rows)]
    return tables.write(path, [*used, *columns], rows)


def _from(base: Path, path: Path) -> str:
    return (path.relative_to(base) if path.is_relative_to(base) else path).as_posix()
