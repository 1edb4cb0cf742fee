"""The gender of speakers, where the data says it: a column of its table, or LibriSpeech's SPEAKERS.TXT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sonant.errors import ManifestError
from sonant.listing import columns, tables
from sonant.listing.columns import Columns
from sonant.listing.names import canonical_column

COLUMNS: Final = ("gender", "sex")
NAMES: Final = {
    **dict.fromkeys(("f", "female", "w", "woman", "female_feminine"), "female"),
    **dict.fromkeys(("m", "male", "man", "male_masculine"), "male"),
}
"""How the two are written, in lower case; other words stay as they are."""
LIST: Final = "SPEAKERS.TXT"
LEVELS: Final = 4
"""Folders above the clips in which `LIST` is looked for: a corpus has parts, speakers and chapters."""


def known(
    source: Path, *, asked: Columns | None = None, root: Path | None = None
) -> dict[str, str]:
    """Speaker to gender, by the table that `source` is or holds, else by a `LIST` at or above `root`.

    A speaker with two genders in the table has none. Empty where nobody wrote any down. Raises
    `ManifestError` where the table cannot be read.
    """
    table = _table(source)
    found = _settled(_from_table(table, asked or Columns())) if table else {}
    if found:
        return found
    places = [root or source, *(root or source).resolve().parents][:LEVELS]
    file = next((place / LIST for place in places if (place / LIST).is_file()), None)
    return _settled(_from_list(file)) if file else {}


def _table(source: Path) -> Path | None:
    if source.is_file():
        return source if source.suffix.lower() in tables.ENDINGS else None
    places = (source / f"manifest{ending}" for ending in tables.ENDINGS)
    return next((place for place in places if place.is_file()), None)


def _from_table(path: Path, asked: Columns) -> Iterator[tuple[str, str]]:
    table = tables.read(path)
    speaker = columns.find(table, asked).speaker
    by_name = {canonical_column(column): column for column in table.columns}
    gender = next((by_name[name] for name in COLUMNS if name in by_name), "")
    if speaker and gender:
        for row in table.rows:
            yield row.cells[speaker], row.cells[gender]


def _from_list(path: Path) -> Iterator[tuple[str, str]]:
    """Lines as `14 | F | train-clean-360 | 25.03 | ...`; those with a semicolon are remarks."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror})") from error
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 2 and not line.startswith(";"):
            yield cells[0], cells[1]


def _settled(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Speakers that have one gender throughout."""
    said: dict[str, set[str]] = {}
    for speaker, gender in pairs:
        if speaker and gender:
            said.setdefault(speaker, set()).add(NAMES.get(gender.lower(), gender.lower()))
    return {speaker: next(iter(names)) for speaker, names in said.items() if len(names) == 1}
