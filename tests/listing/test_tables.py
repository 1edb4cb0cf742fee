"""Tables as spreadsheets, scripts and tools write them; what is broken is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.errors import ManifestError
from sonant.listing import tables


def read(folder: Path, raw: bytes, *, name: str = "list.csv") -> tables.Table:
    (folder / name).write_bytes(raw)
    return tables.read(folder / name)


def cells(table: tables.Table) -> list[tuple[str, ...]]:
    return [tuple(row.cells.values()) for row in table.rows]


@pytest.mark.parametrize(
    "raw",
    [
        b"file,label\na.wav,yes\nb.wav,no\n",
        b"\xef\xbb\xbffile,label\r\na.wav,yes\r\nb.wav,no\r\n",
        b"\n\nfile,label\n\na.wav,yes\n , \n,\nb.wav,no",
        b"file;label\na.wav;yes\nb.wav;no\n",
        b"file\tlabel\na.wav\tyes\nb.wav\tno\n",
        b'"file", label\n"a.wav", yes\n b.wav ,"no"\n',
    ],
)
def test_dialects(tmp_path: Path, raw: bytes) -> None:
    table = read(tmp_path, raw)
    assert table.columns == ("file", "label")
    assert cells(table) == [("a.wav", "yes"), ("b.wav", "no")]


def test_quoted_commas_and_lines(tmp_path: Path) -> None:
    table = read(tmp_path, b'file,label\n"a, b.wav","two\nlines"\nc.wav,"say ""no"""\n')
    assert cells(table) == [("a, b.wav", "two\nlines"), ("c.wav", 'say "no"')]
    assert [row.line for row in table.rows] == [2, 4]


def test_the_nameless_index_column_of_a_data_frame_does_no_harm(tmp_path: Path) -> None:
    assert cells(read(tmp_path, b",file\n0,a.wav\n")) == [("0", "a.wav")]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "has no rows"),
        (b"file,label\n", "has no rows"),
        (b"file,label\na.wav\n", "line 2: has 1 cells, the header has 2"),
        (b"file,label\n\na.wav,yes,please\n", "line 3: has 3 cells"),
        (b'file,label\na.wav,"yes\n', "line 2: cannot be read as a table"),
        (b"file\na.wav\n\x00.wav\n", "line 3: holds a NUL byte"),
        ("file\nä.wav\n".encode("latin-1"), "line 2: is not UTF-8"),
        ("file\na.wav\n".encode("utf-16"), "is UTF-16"),
        (b"file,label\na.wav," + b"x" * 200_000 + b"\n", "line 2: cannot be read as a table"),
    ],
)
def test_what_is_broken_is_said_with_its_line(tmp_path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        read(tmp_path, raw)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"file": "a.wav"}\n{"file": ', "line 2: is not JSON"),
        (b'\n"a.wav"\n', "line 2: want an object"),
        (b'[{"file": "a.wav"}]', "is one JSON array"),
        (b"\n\n", "has no rows"),
    ],
)
def test_json_lines_that_are_none(tmp_path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        read(tmp_path, raw, name="list.jsonl")


def test_json_columns_are_those_of_any_line(tmp_path: Path) -> None:
    table = read(tmp_path, b'{"a": null, "b": 1.5}\r\n{"c": true, "a": "x"}\n', name="l.json")
    assert table.columns == ("a", "b", "c")
    assert [dict(row.cells) for row in table.rows] == [
        {"a": "", "b": "1.5"},
        {"c": "true", "a": "x"},
    ]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be opened"):
        tables.read(tmp_path)


def test_writing_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be written"):
        tables.write(tmp_path / "no" / "list.csv", ["file"], [{"file": "a.wav"}])
