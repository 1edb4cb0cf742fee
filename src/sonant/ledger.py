"""manifest.csv of a folder of results: a row stands there exactly when its file does.

A result is done when its file is moved into its place, and its row is added at once after that. Where a run
is killed between the two, the file without a row is made again; a row without its file is dropped.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, final

from sonant import whole_file
from sonant.errors import ManifestError

MANIFEST: Final = "manifest.csv"
LOCK: Final = ".at-work"
NEEDED: Final = ("path", "sha256")
"""Columns that every ledger has."""

Row = Mapping[str, str]


@final
class Ledger:
    """The rows of a folder; `opened` gives one, and lets nobody else have it meanwhile."""

    def __init__(self, file: Path, rows: Sequence[Row], *, columns: Sequence[str]) -> None:
        self.file: Final = file
        self.columns: Final = tuple(columns)
        self._rows: Final = {row["path"]: row for row in rows}
        self._adding: Final = threading.Lock()

    @classmethod
    @contextmanager
    def opened(
        cls, folder: Path, settings: Mapping[str, str], *, columns: Sequence[str], what: str
    ) -> Iterator[Self]:
        """Open the ledger of `folder`, made where it is missing, and set right what a killed run left.

        `settings` are columns that are the same in all rows; `what` names the rows in messages, as in
        "conversions". Raises `ManifestError` where its rows were made with other settings, its manifest is
        somebody else's, or another run is at work in it.
        """
        missing = [name for name in (*NEEDED, *settings) if name not in columns]
        assert not missing, f"a ledger wants columns for {missing}"
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            file = folder / MANIFEST
            rows = [row for row in _read(file, columns, what) if _stands(folder, row)]
            _compare(file, rows, settings)
            names = dict(zip(columns, columns, strict=True))
            whole_file.write_text(file, _lines([names, *rows], columns))
            for scratch in folder.glob("*/.writing-*"):
                scratch.unlink()
            yield cls(file, rows, columns=columns)

    @property
    def rows(self) -> list[Row]:
        """In the order of their paths."""
        return [self._rows[path] for path in sorted(self._rows)]

    def __contains__(self, path: object) -> bool:
        return path in self._rows

    def __getitem__(self, path: str) -> Row:
        return self._rows[path]

    def add(self, row: Row) -> None:
        """Write a row behind the others; its file is there already."""
        line = _lines([row], self.columns).encode("utf-8")
        with self._adding:
            # One write of one line: a process that is killed leaves all of it or nothing.
            handle = os.open(self.file, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(handle, line)
            finally:
                os.close(handle)
            self._rows[row["path"]] = row


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(file: Path, columns: Sequence[str], what: str) -> list[dict[str, str]]:
    """The whole rows of a manifest; none where there is none."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    # What a machine that lost its power wrote last may end anywhere.
    whole = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(whole, newline=""))
    if tuple(reader.fieldnames or ()) != tuple(columns):
        raise ManifestError(
            f"{file}: is no manifest of {what} made by this version (its columns are "
            f"{', '.join(reader.fieldnames or ('none',))}); choose another --out"
        )
    return [row for row in reader if all(isinstance(row[name], str) for name in columns)]


def _stands(folder: Path, row: Row) -> bool:
    """Whether the file of a row is there, as it was written."""
    path = folder / row["path"]
    return path.is_file() and digest(path) == row["sha256"]


def _compare(file: Path, rows: Sequence[Row], settings: Mapping[str, str]) -> None:
    for row in rows:
        for name, wanted in settings.items():
            if row[name] != wanted:
                raise ManifestError(
                    f"{file}: {row['path']} was made with {name} {row[name]}, not {wanted}; "
                    f"choose another --out, or ask for the same"
                )


def _lines(rows: Sequence[Row], columns: Sequence[str]) -> str:
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, columns, lineterminator="\n")
    writer.writerows(rows)
    return target.getvalue()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; whoever dies lets go of it.

    Raises `ManifestError` where another process holds it.
    """
    import fcntl

    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ManifestError(
                f"{folder}: another run is at work in this folder; wait for it, or choose another --out"
            ) from error
        yield
