"""A whole store as a text file, one JSON object a line: for backups, and for moving to another server.

The first line says what it is, then one line an utterance with its vector in base64, and the last line counts
them: a file that was cut off is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sonant import whole_file
from sonant.errors import StoreError
from sonant.speakers.records import Utterance
from sonant.speakers.store import SpeakerStore
from sonant.speakers.vectors import packed, unpacked

FORMAT: Final = 1
KEYS: Final = ("name", "source", "enrolled", "vector")


def export_speakers(store: SpeakerStore, path: Path) -> int:
    """Write every utterance of a store to `path`; returns how many.

    Raises `StoreError` when nobody is enrolled or the file cannot be written.
    """
    model, utterances = store.snapshot()
    if model is None:
        raise StoreError(f"{store.where}: nobody is enrolled, there is nothing to export")
    first = {"format": FORMAT, "kind": "sonant speakers", "model": model}
    lines = [first, *map(_line, utterances), {"utterances": len(utterances)}]
    try:
        # The owner's file alone, as the store is.
        with whole_file.beside(path, durable=True) as scratch:
            scratch.chmod(0o600)
            scratch.write_text("".join(map(_text, lines)), encoding="utf-8")
        path.chmod(0o600)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return len(utterances)


def import_speakers(store: SpeakerStore, path: Path) -> int:
    """Enrol what `export_speakers` wrote, beside what the store has; returns how many speakers came.

    All come or none. Raises `StoreError` naming the line that is wrong, and for another model's embeddings.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: cannot be read ({error})") from error
    # Not splitlines(): a name may hold what Unicode calls a line's end.
    lines = text.removesuffix("\n").split("\n")
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=1)]
    model = _model(path, rows)
    return len(store.enroll_all(_utterances(path, rows), model_digest=model))


def _line(utterance: Utterance) -> dict[str, Any]:
    vector = base64.b64encode(packed(utterance.vector)).decode("ascii")
    values = (utterance.name, utterance.source, utterance.enrolled, vector)
    return dict(zip(KEYS, values, strict=True))


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise StoreError(f"{path}: line {number} is no JSON ({error})") from error
    if not isinstance(row, dict):
        raise StoreError(f"{path}: line {number} is no JSON object")
    return row


def _model(path: Path, rows: list[dict[str, Any]]) -> str:
    """What the first line says, once the last one agrees."""
    head = rows[0] if rows else {}
    if head.get("kind") != "sonant speakers" or not isinstance(head.get("model"), str):
        raise StoreError(f"{path}: line 1 is not that of exported speakers; is it the right file?")
    if head.get("format") != FORMAT:
        raise StoreError(
            f"{path}: has format {head.get('format')}, want {FORMAT}; install a newer sonant"
        )
    if rows[-1] != {"utterances": len(rows) - 2}:
        raise StoreError(f"{path}: the last line is missing or counts otherwise; copy it again")
    return str(head["model"])


def _utterances(path: Path, rows: list[dict[str, Any]]) -> Iterator[Utterance]:
    for number, row in enumerate(rows[1:-1], start=2):
        if set(row) != set(KEYS) or not all(isinstance(value, str) for value in row.values()):
            raise StoreError(f"{path}: line {number}: want text under {', '.join(KEYS)}")
        try:
            vector = unpacked(base64.b64decode(row["vector"], validate=True))
        except (binascii.Error, ValueError) as error:
            raise StoreError(f"{path}: line {number}: vector: {error}") from error
        yield Utterance(**{**row, "vector": vector})
