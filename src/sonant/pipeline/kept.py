"""What is kept of a stage: its record, by which a later run knows whether it still stands. No torch.

`stage.json` is written last, so a stage that was killed has none, and `begun.json` first, so that it is
known whether what lies there may be gone on with.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sonant import ledger, whole_file
from sonant.pipeline.making import Made, Sound

RECORD: Final = "stage.json"
BEGUN: Final = "begun.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stage that was done, and of which everything is there."""

    key: str
    """Of all that it was made from."""
    made: Made
    files: Mapping[str, str]
    """sha256 of every file that later stages may read, by its path from the stage's folder."""
    took_s: float

    @property
    def digest(self) -> str:
        """Of what it gives: equal results have equal digests."""
        return key_of(self.files)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The record of a folder; None where there is none or it cannot be read."""
        try:
            tree = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            sounds = tuple(
                Sound(title=one["title"], path=folder / one["path"], words=one["words"])
                for one in tree["sounds"]
            )
            made = Made(
                path=folder / tree["path"],
                report=folder / tree["report"] if tree["report"] else None,
                figures=tree["figures"],
                sounds=sounds,
                clips=tree["clips"],
                seconds=tree["seconds"],
            )
            return cls(key=tree["key"], made=made, files=tree["files"], took_s=tree["took_s"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # as good as never done: the stage is done again

    @classmethod
    def whole(cls, folder: Path, key: str) -> Self | None:
        """The record, where it was made from the same and every file is as it was written."""
        found = cls.read(folder)
        if found is None or found.key != key:
            return None
        intact = all(
            (folder / name).is_file() and ledger.digest(folder / name) == digest
            for name, digest in found.files.items()
        )
        return found if intact else None


def key_of(tree: Any) -> str:
    """The sha256 of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def begin(folder: Path, key: str, *, resumes: bool) -> None:
    """Make the folder ready: what an earlier try left stays where the stage goes on with it, or goes."""
    note = folder / BEGUN
    same = note.is_file() and note.read_text(encoding="utf-8") == json.dumps(key)
    if folder.exists() and not (same and resumes):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    whole_file.write_text(note, json.dumps(key))


def forget(folder: Path) -> None:
    """Have a stage done from its beginning the next time."""
    for name in (RECORD, BEGUN):
        (folder / name).unlink(missing_ok=True)


def keep(folder: Path, key: str, made: Made, *, took_s: float) -> Kept:
    """Write the record of a stage that is done; returns it."""
    files = {_from(folder, path): ledger.digest(path) for path in _files((made.path, *made.beside))}
    tree = {
        "key": key,
        "path": _from(folder, made.path),
        "report": _from(folder, made.report) if made.report else None,
        "figures": dict(made.figures),
        "sounds": [
            {"title": one.title, "path": _from(folder, one.path), "words": one.words}
            for one in made.sounds
        ],
        "clips": made.clips,
        "seconds": made.seconds,
        "took_s": round(took_s, 3),
        "files": files,
    }
    whole_file.write_text(folder / RECORD, json.dumps(tree, indent=2) + "\n")
    return Kept(key=key, made=made, files=files, took_s=took_s)


def _files(paths: Iterable[Path]) -> list[Path]:
    """Every file of files and folders, sorted, once."""
    found = [
        file
        for path in paths
        for file in (path.rglob("*") if path.is_dir() else (path,))
        if file.is_file() and not file.name.startswith(".")
    ]
    return sorted(dict.fromkeys(found))


def _from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
