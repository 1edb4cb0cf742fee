"""The stores of decoded clips on this machine: how large each is, when it was last used, and their end.

A store can always be made again from the recordings it was made of.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One store, or what a broken-off decoding left."""

    name: str
    clips: int
    rate_hz: int
    """Hertz; 0 where it is not known."""
    bytes: int
    days: float
    """Since it was last used."""
    paths: tuple[Path, ...]
    """The files and folders it is made of."""

    def to_json(self) -> dict[str, Any]:
        """The same as plain values, without the paths."""
        return {
            "name": self.name,
            "clips": self.clips,
            "rate_hz": self.rate_hz,
            "bytes": self.bytes,
            "days": round(self.days, 3),
        }


def kept(folder: Path, *, unused_days: float = 0.0) -> list[Kept]:
    """The stores in `folder` that were not used for so many days, the longest unused first.

    What is younger than a day and has no description is left out: it may be on its way.
    """
    if not folder.is_dir():
        return []
    links: dict[str, list[Path]] = {}
    for link in folder.glob("*.link"):
        links.setdefault(link.read_text(), []).append(link)
    described = [_described(file, links) for file in folder.glob("*.json")]
    owned = {path for store in described for path in store.paths}
    loose = [_loose(path) for path in sorted(folder.iterdir()) if path not in owned]
    found = [*described, *(left for left in loose if left.days >= 1)]
    found = [store for store in found if store.days >= unused_days]
    return sorted(found, key=lambda store: -store.days)


def remove(stores: Sequence[Kept]) -> None:
    """Delete stores; a run that is reading one keeps what it has open."""
    for store in stores:
        # The description goes first: a store without one does not exist.
        for path in store.paths:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _described(file: Path, links: dict[str, list[Path]]) -> Kept:
    card = json.loads(file.read_text())
    paths = [file, file.with_suffix(".pcm"), *links.get(file.stem, [])]
    return Kept(
        name=file.stem,
        clips=len(card["lengths"]),
        rate_hz=card.get("rate_hz", 0),
        bytes=sum(path.stat().st_size for path in paths if path.exists()),
        days=_age_days(file),
        paths=tuple(paths),
    )


def _loose(path: Path) -> Kept:
    """A folder of a decoding that was killed, or a file that belongs to no store."""
    files = [inner for inner in path.rglob("*") if inner.is_file()] if path.is_dir() else [path]
    size = sum(inner.stat().st_size for inner in files)
    return Kept(name=path.name, clips=0, rate_hz=0, bytes=size, days=_age_days(path), paths=(path,))


def _age_days(path: Path) -> float:
    return max(0.0, time.time() - path.stat().st_mtime) / SECONDS_A_DAY
