"""Rows of a CSV, TSV or JSON-lines file with their line numbers, and the way back to disk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sonant import whole_file
from sonant.errors import ManifestError

Value = str | float | None

ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".json")
"""Endings of the files that are read as tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, as text."""

    line: int
    """Line of the file on which it starts, from 1."""
    cells: Mapping[str, str]
    """Column name to text; empty where the row has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A whole file."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read(path: Path) -> Table:
    """Read a table by its ending; blank lines are skipped.

    Raises `ManifestError` with the line for text that is not UTF-8, rows that do not fit the
    header, broken quotes, and lines that are not JSON objects.
    """
    text = _text(path)
    is_json = path.suffix.lower() in (".jsonl", ".json")
    table = _from_json(path, text) if is_json else _from_csv(path, text)
    if not table.rows:
        raise ManifestError(f"{path}: has no rows; want one a clip")
    return table


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: cannot be opened ({error.strerror})") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ManifestError(f"{path}: is UTF-16; save it as UTF-8")
    if 0 in raw:
        line = raw.count(b"\n", 0, raw.index(0)) + 1
        raise ManifestError(f"{path}, line {line}: holds a NUL byte; this is no text file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{path}, line {line}: is not UTF-8; save the file as UTF-8") from error


def _from_csv(path: Path, text: str) -> Table:
    rows = _csv_rows(path, text)
    _, header = next(rows, (1, []))
    columns = tuple(cell.strip() for cell in header)
    named = [column for column in columns if column]
    twice = sorted({column for column in named if named.count(column) > 1})
    if twice:
        raise ManifestError(f"{path}: two columns are called {twice[0]!r}; rename one")
    return Table(
        path=path,
        columns=columns,
        rows=tuple(_csv_row(path, line, columns, cells) for line, cells in rows),
    )


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line it starts on."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=_delimiter(path, text), strict=True
    )
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ManifestError(f"{path}, line {line}: cannot be read as a table ({error})") from error


def _delimiter(path: Path, text: str) -> str:
    """A tab in `.tsv`; in `.csv` what the header uses: some spreadsheets write semicolons."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    header = next((line for line in text.splitlines() if line.strip()), "")
    return "," if "," in header else next((mark for mark in ";\t" if mark in header), ",")


def _csv_row(path: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(columns):
        raise ManifestError(
            f"{path}, line {line}: has {len(cells)} cells, the header has {len(columns)}; "
            "a cell with a comma in it wants quotes"
        )
    stripped = (cell.strip() for cell in cells)
    return Row(line=line, cells=dict(zip(columns, stripped, strict=True)))


def _from_json(path: Path, text: str) -> Table:
    if text.lstrip().startswith("["):
        raise ManifestError(
            f"{path}: is one JSON array; want one object a line, "
            f"as `jq -c '.[]' {path.name}` writes them"
        )
    lines = enumerate(text.split("\n"), start=1)
    rows = tuple(_json_row(path, number, line) for number, line in lines if line.strip())
    return Table(
        path=path,
        columns=tuple(dict.fromkeys(column for row in rows for column in row.cells)),
        rows=rows,
    )


def _json_row(path: Path, number: int, line: str) -> Row:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise ManifestError(f"{path}, line {number}: is not JSON ({error})") from error
    if not isinstance(entry, dict):
        raise ManifestError(f'{path}, line {number}: want an object, as in {{"path": "a.wav"}}')
    return Row(line=number, cells={key: _json_cell(value) for key, value in entry.items()})


def _json_cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> Path:
    """Write rows as the ending says, whole or not at all; JSON lines leave out what is empty."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ManifestError(f"{path}: want a name that ends in {', '.join(ENDINGS)}")
    kept = ({column: row.get(column) for column in columns} for row in rows)
    text = _as_json(kept) if ending.startswith(".json") else _as_csv(path, columns, kept)
    _write_whole(path, text)
    return path


def _as_json(rows: Iterable[Mapping[str, Value]]) -> str:
    full = ({key: value for key, value in row.items() if value not in ("", None)} for row in rows)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in full)


def _as_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=_delimiter(path, ""), lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = ["" if row[column] is None else str(row[column]) for column in columns]
        outer = next((cell for cell in cells if cell != cell.strip()), None)
        if outer is not None:
            raise ManifestError(
                f"{path}: {outer!r} begins or ends with a blank, which a table loses; "
                "save as .jsonl"
            )
        writer.writerow(cells)
    return out.getvalue()


def _write_whole(path: Path, text: str) -> None:
    try:
        whole_file.write_text(path, text)
    except (OSError, UnicodeEncodeError) as error:
        raise ManifestError(f"{path}: cannot be written ({error})") from error
