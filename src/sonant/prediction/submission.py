"""A sample submission: a table whose rows, order and columns are kept while one is filled."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final, TypeAlias

from sonant.errors import ManifestError
from sonant.listing import tables
from sonant.listing.folders import is_audio
from sonant.listing.names import COLUMNS, Role, canonical_column

ENDINGS: Final = (".csv", ".tsv")
_Below: TypeAlias = list[tuple[Path, frozenset[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The rows to fill, as they stand in the file."""

    path: Path
    columns: tuple[str, ...]
    file_column: str
    target_column: str
    """The one that is filled; whatever it holds already is replaced."""
    separator: str
    rows: tuple[Mapping[str, str], ...]
    """Column -> text; a file may be named in several rows."""

    @classmethod
    def read(cls, path: Path) -> Submission:
        """Read a CSV and settle which column names the file and which is to be filled.

        Raises `ManifestError` naming the columns there are when that is not plain.
        """
        if path.suffix.lower() not in ENDINGS:
            raise ManifestError(
                f"{path}: a sample submission is a table, want {' or '.join(ENDINGS)}"
            )
        table = tables.read(path)
        first = table.rows[0].cells
        files = _of_role(table, "path") or [name for name in first if is_audio(first[name])]
        others = [name for name in table.columns if name not in files]
        targets = _of_role(table, "label") or others
        if len(files) != 1 or len(targets) != 1:
            raise ManifestError(
                f"{path}: want one column of file names and one to fill, as in file_name,target; "
                f"its columns are {', '.join(table.columns)}"
            )
        nameless = next((row.line for row in table.rows if not row.cells[files[0]]), None)
        if nameless is not None:
            raise ManifestError(f"{path}, line {nameless}: names no file in column {files[0]}")
        return cls(
            path=path,
            columns=table.columns,
            file_column=files[0],
            target_column=targets[0],
            separator=_separator(path),
            rows=tuple(row.cells for row in table.rows),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What each row calls its file."""
        return tuple(row[self.file_column] for row in self.rows)

    def audio(self, folders: Iterable[Path]) -> list[Path]:
        """The audio file of every row, looked for in `folders`, beside the table, and one below.

        A file that is nowhere keeps its name, for the reader to report. Raises `ManifestError` when
        none is anywhere, or one name is in two sub-folders.
        """
        homes = list(dict.fromkeys((*folders, self.path.parent)))
        # Listed once for thousands of names, but only where a name is not in the folder itself.
        below = cache(_below)
        found = [_locate(name, homes, below) for name in self.names]
        if not any(found):
            listed = ", ".join(str(home) for home in homes)
            raise ManifestError(
                f"{self.path}: none of its {len(self.names)} files is there, as {self.names[0]!r}; "
                f"looked in {listed} and their sub-folders. Say where they are with --audio FOLDER"
            )
        return [path or Path(name) for name, path in zip(self.names, found, strict=True)]

    def filler(self, file: IO[str]) -> Callable[[str], None]:
        """Write the header to `file`; the function returned writes the next row with its target."""
        writer = csv.writer(file, delimiter=self.separator, lineterminator="\n")
        writer.writerow(self.columns)
        rows = iter(self.rows)

        def fill(target: str) -> None:
            filled = {**next(rows), self.target_column: target}
            writer.writerow([filled[column] for column in self.columns])

        return fill


def _of_role(table: tables.Table, role: Role) -> list[str]:
    return [name for name in table.columns if canonical_column(name) in COLUMNS[role]]


def _separator(path: Path) -> str:
    """What separates the columns of the file, so that the answer has the same form."""
    with path.open(encoding="utf-8-sig") as file:
        header = next((line for line in file if line.strip()), "")
    if path.suffix.lower() == ".tsv":
        return "\t"
    return "," if "," in header else next((mark for mark in ";\t" if mark in header), ",")


def _locate(name: str, homes: Sequence[Path], below: Callable[[Path], _Below]) -> Path | None:
    for home in homes:
        if (home / name).is_file():
            return home / name
        first = Path(name).parts[0]
        there = [folder / name for folder, held in below(home) if first in held]
        there = [path for path in there if path.is_file()]
        if len(there) > 1:
            raise ManifestError(
                f"{name} is both {there[0]} and {there[1]}; say which folder with --audio FOLDER"
            )
        if there:
            return there[0]
    return None


def _below(home: Path) -> _Below:
    """The sub-folders of a folder, with the names in each."""
    if not home.is_dir():
        return []
    # Beside a table in /tmp there are folders of other people, which are none of ours.
    folders = [path for path in home.iterdir() if path.is_dir() and os.access(path, os.R_OK)]
    return [(folder, frozenset(os.listdir(folder))) for folder in sorted(folders)]
