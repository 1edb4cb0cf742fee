"""A Manifest lists clips: where each is, what is said, who says it, and its split."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from sonant.errors import ManifestError
from sonant.listing import columns as known_columns
from sonant.listing import folders, tables
from sonant.listing.columns import Columns
from sonant.listing.names import GAIN, canonical_split, speaker_in

__all__ = ["Columns", "Item", "Manifest"]

CANONICAL: Final = ("train", "validation", "test")
MISSING_AT_MOST: Final = 200
"""So many files of a table are looked for before it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One clip: a file, or a segment of one."""

    path: Path
    label: str = ""
    """The word said; empty when unknown (a test CSV)."""
    speaker: str = ""
    """Who says it; empty when unknown."""
    split: str = ""
    """`train`, `validation`, `test`, another name kept as given, or empty."""
    start_s: float | None = None
    """Seconds from the start of the file; None is the beginning."""
    end_s: float | None = None
    """Seconds from the start of the file; None is the end."""
    gain: float = 1.0
    """Linear factor on the samples; 0 makes digital zeros (used for `_silence_`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An ordered list of clips; two are equal when their items are."""

    items: tuple[Item, ...]
    name: str = field(default="", compare=False)
    """What it was made from, for messages and reports."""
    origin: str = field(default="", compare=False)
    """How the splits came about, in words, for messages and reports."""

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @classmethod
    def load(
        cls, path: Path | str, *, columns: Columns | None = None, audio: Path | None = None
    ) -> Self:
        """Read a folder (its `manifest.csv`, label folders, loose files), CSV, TSV or JSON lines.

        `columns` names columns that are not found by themselves; `audio` is the folder that the
        paths of a table start from. Raises `ManifestError` saying what was looked for, and the line
        of what is wrong. Only the first file of a table is looked for; others may be missing.
        """
        path = Path(path)
        if not path.exists():
            raise ManifestError(f"{path}: no such file or folder")
        table = path if path.is_file() else _table_in(path)
        if table is not None:
            items, origin = _from_table(table, columns or Columns(), audio)
        else:
            items, origin = _from_folder(path)
        return cls(items=items, name=path.resolve().name, origin=origin)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, sorted, without the empty one."""
        return tuple(sorted({item.label for item in self.items} - {""}))

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits: train, validation, test, then others sorted."""
        found = {item.split for item in self.items} - {""}
        return (*(name for name in CANONICAL if name in found), *sorted(found - set(CANONICAL)))

    def where(self, *, split: str | None = None, labels: Collection[str] | None = None) -> Self:
        """The clips of a split, or with one of some labels, or both, in the same order."""
        return self.with_items(
            item
            for item in self.items
            if (split is None or item.split == split) and (labels is None or item.label in labels)
        )

    def with_items(self, items: Iterable[Item], *, origin: str | None = None) -> Self:
        """The same list with other clips, and perhaps another origin."""
        return replace(self, items=tuple(items), origin=self.origin if origin is None else origin)

    def counts(self) -> dict[str, dict[str, int]]:
        """Clips by label and split, every label with every split; '' where a clip has none."""
        names = {item.split for item in self.items}
        order = (*self.splits, *([""] if "" in names else []))
        labels = sorted({item.label for item in self.items})
        table = {label: dict.fromkeys(order, 0) for label in labels}
        for item in self.items:
            table[item.label][item.split] += 1
        return table

    @property
    def root(self) -> Path:
        """The deepest folder that all clips lie under."""
        parents = {os.path.dirname(os.path.abspath(item.path)) for item in self.items}
        try:
            return Path(os.path.commonpath(parents)) if parents else Path()
        except ValueError:  # two drives have no folder in common
            return Path()

    @property
    def digest(self) -> str:
        """SHA-256 of all rows in their order; the same wherever the folder lies."""
        root = self.root
        digest = hashlib.sha256()
        for item in self.items:
            row = (key_of(item, root), item.label, item.speaker, item.split, item.gain)
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()

    def save(self, path: Path | str) -> Path:
        """Write a CSV, TSV or JSON-lines file, as the ending says, that loads to an equal manifest.

        Written whole or not at all. Paths under the file's own folder are written relative to it.
        """
        path = Path(path)
        base = Path(os.path.abspath(path.parent))
        rows = [_row(item, base) for item in self.items]
        used = [name for name in _SAVED if any(row[name] not in ("", None) for row in rows)]
        return tables.write(path, used or ["path"], rows)


_SAVED: Final = ("path", "label", "speaker", "split", "start_s", "end_s", GAIN)


def key_of(item: Item, root: Path) -> str:
    """What tells a clip from the others of a manifest, wherever its folder `root` lies."""
    path, start = os.path.abspath(item.path), os.path.join(root, "")
    inner = path.removeprefix(start) if root.is_absolute() else path
    return f"{inner.replace(os.sep, '/')}|{item.start_s}|{item.end_s}"


def _row(item: Item, base: Path) -> dict[str, tables.Value]:
    path = Path(os.path.abspath(item.path))
    return {
        "path": (path.relative_to(base) if path.is_relative_to(base) else path).as_posix(),
        "label": item.label,
        "speaker": item.speaker,
        "split": item.split,
        "start_s": item.start_s,
        "end_s": item.end_s,
        GAIN: None if item.gain == 1.0 else item.gain,
    }


def _table_in(folder: Path) -> Path | None:
    """The table that describes a folder, when it holds one."""
    places = (folder / f"manifest{ending}" for ending in tables.ENDINGS)
    return next((place for place in places if place.is_file()), None)


def _from_folder(folder: Path) -> tuple[tuple[Item, ...], str]:
    base = Path(os.path.abspath(folder))
    items = tuple(
        Item(path=clip.path, label=clip.label, split=clip.split, speaker=speaker_in(clip.path.name))
        for clip in folders.clips(base)
    )
    return items, "given by the folders" if any(item.split for item in items) else ""


def _from_table(path: Path, asked: Columns, audio: Path | None) -> tuple[tuple[Item, ...], str]:
    if path.suffix.lower() not in tables.ENDINGS:
        what = "one audio file" if folders.is_audio(path.name) else "no table"
        raise ManifestError(
            f"{path}: is {what}; want a folder, or a file that ends in {', '.join(tables.ENDINGS)}"
        )
    table = tables.read(path)
    found = known_columns.find(table, asked)
    names = [_path_cell(table, row, found.path) for row in table.rows]
    root, converted = _audio_root(table, names, audio)
    if converted:
        names = [name.replace("\\", "/") for name in names]
    rows = zip(table.rows, names, strict=True)
    items = tuple(_item(table, row, found, root / name) for row, name in rows)
    return items, f"given by the column {found.split!r}" if any(
        item.split for item in items
    ) else ""


def _path_cell(table: tables.Table, row: tables.Row, column: str) -> str:
    name = row.cells.get(column, "")
    if not name:
        raise ManifestError(f"{table.path}, line {row.line}: the column {column!r} is empty")
    return name


def _audio_root(table: tables.Table, names: Sequence[str], audio: Path | None) -> tuple[Path, bool]:
    """The folder that paths start from, and whether they were written with backslashes.

    Settled by the first file that is there: beside the table, else in one of its sub-folders. Some
    may be missing, and are named later by whoever reads them; not all.
    """
    base = Path(os.path.abspath(table.path.parent if audio is None else audio))
    inside = [] if audio is not None or not base.is_dir() else _subfolders(base)
    for name in names[:MISSING_AT_MOST]:
        for spelling, converted in ((name, False), (name.replace("\\", "/"), True)):
            home = _home(table, base, inside, spelling)
            if home is not None:
                return home, converted
    looked = f"{base}" if audio is not None else f"{base} and the folders in it"
    raise ManifestError(
        f"{table.path}, line {table.rows[0].line}: {names[0]} is not there; looked in {looked}. "
        "Say which folder the paths start from with --audio FOLDER"
    )


def _home(table: tables.Table, base: Path, inside: Sequence[Path], name: str) -> Path | None:
    """Where a file is: beside the table, or in one of the folders there."""
    if (base / name).is_file():
        return base
    holding = [folder for folder in inside if (folder / name).is_file()]
    if len(holding) > 1:
        raise ManifestError(
            f"{table.path}: {name} is in {holding[0].name}/ and in {holding[1].name}/; "
            "say which folder the paths start from with --audio FOLDER"
        )
    return holding[0] if holding else None


def _subfolders(base: Path) -> list[Path]:
    return sorted(
        path for path in base.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _item(table: tables.Table, row: tables.Row, found: known_columns.Found, path: Path) -> Item:
    start_s, end_s = _seconds(table, row, found.start), _seconds(table, row, found.end)
    duration_s = _seconds(table, row, found.duration)
    if duration_s is not None:
        end_s = (start_s or 0.0) + duration_s
    if end_s is not None and end_s <= (start_s or 0.0):
        raise ManifestError(
            f"{table.path}, line {row.line}: the segment ends at {end_s:g} s, but starts at "
            f"{start_s or 0.0:g} s"
        )
    gain = _number(table, row, GAIN)
    return Item(
        path=path,
        label=row.cells.get(found.label, ""),
        speaker=row.cells.get(found.speaker, "") if found.speaker else speaker_in(path.name),
        split=canonical_split(row.cells.get(found.split, "")),
        start_s=start_s,
        end_s=end_s,
        gain=1.0 if gain is None else gain,
    )


def _seconds(table: tables.Table, row: tables.Row, column: str) -> float | None:
    value = _number(table, row, column)
    if value is not None and value < 0:
        raise ManifestError(
            f"{table.path}, line {row.line}: {column} is {value:g}, before the file starts"
        )
    return value


def _number(table: tables.Table, row: tables.Row, column: str) -> float | None:
    """A number, or None where the cell is empty or there is no such column."""
    text = row.cells.get(column, "") if column else ""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ManifestError(f"{table.path}, line {row.line}: {column} is {text!r}; want a number")
    return value
