"""Which column of a table means what: asked for by name, or known by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sonant.errors import ManifestError
from sonant.listing.names import COLUMNS, DURATIONS, Role, canonical_column
from sonant.listing.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Column names of a table; an empty one is looked for under its common names."""

    path: str = ""
    """The audio file: `file_name`, `path`, `audio_filepath`..."""
    label: str = ""
    """The word said: `target`, `label`, `command`..."""
    speaker: str = ""
    """Who says it: `speaker`, `client_id`..."""
    split: str = ""
    """`split`, `subset`, `fold`..."""
    start: str = ""
    """Where a segment starts, in seconds: `start`, `start_time`, `offset`..."""
    end: str = ""
    """Where it ends, in seconds: `end`, `end_time`..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The columns of one table that mean something; empty where it has none."""

    path: str
    label: str
    speaker: str
    split: str
    start: str
    end: str
    duration: str
    """Seconds from the start, where the table has a start but no end."""


def find(table: Table, asked: Columns) -> Found:
    """Settle which column is which.

    Raises `ManifestError` naming the columns there are, and the option to give, when the path is
    not among them, one that was asked for is not, or two could be meant.
    """
    path = _one(table, "path", asked.path)
    if not path:
        raise ManifestError(
            f"{table.path}: none of its columns is known to hold the audio files: "
            f"{_listed(table)}. Say which with --path-column NAME. If the first line is a clip "
            "already, put a header above it: file_name,target"
        )
    start, end, duration = _segment(table, asked)
    return Found(
        path=path,
        label=_one(table, "label", asked.label),
        speaker=_one(table, "speaker", asked.speaker),
        split=_one(table, "split", asked.split),
        start=start,
        end=end,
        duration=duration,
    )


def _segment(table: Table, asked: Columns) -> tuple[str, str, str]:
    """Start, end and duration columns.

    `offset` is a start, but the end where it follows an `onset`. A duration counts only from a
    start: should it be the whole file's after all, the segment still ends where the file does.
    """
    known = _known(table)
    if not asked.start and not asked.end and "onset" in known and "offset" in known:
        return known["onset"], known["offset"], ""
    start, end = _one(table, "start", asked.start), _one(table, "end", asked.end)
    duration = next((known[name] for name in DURATIONS if name in known), "")
    return start, end, duration if start and not end else ""


def _one(table: Table, role: Role, asked: str) -> str:
    """The column of a role, or empty when there is none."""
    if asked:
        return _asked(table, role, asked)
    known = _known(table)
    found = [known[name] for name in COLUMNS[role] if name in known]
    # Of two speakers or splits the plainly named one is meant; a wrong file or label costs more.
    if len(found) > 1 and role not in ("path", "label") and role in known:
        return known[role]
    if len(found) > 1:
        raise ManifestError(
            f"{table.path}: the {role} could be any of the columns {', '.join(found)}; "
            f"say which with --{role}-column NAME"
        )
    return found[0] if found else ""


def _asked(table: Table, role: Role, asked: str) -> str:
    if asked in table.columns:
        return asked
    loosely = _known(table).get(canonical_column(asked), "")
    if not loosely:
        raise ManifestError(
            f"{table.path}: has no column {asked!r} (--{role}-column); "
            f"its columns are {_listed(table)}"
        )
    return loosely


def _known(table: Table) -> Mapping[str, str]:
    """Column names as they are compared -> as they are written; the first of two alike."""
    return {canonical_column(column): column for column in reversed(table.columns) if column}


def _listed(table: Table) -> str:
    return ", ".join(column for column in table.columns if column) or "(none)"
