"""Long recordings as people have them: a file, a folder, or a table that says what is said where."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile

from sonant.alarms import Occurrence
from sonant.audio import Samples
from sonant.detection.counting import Sound
from sonant.errors import AudioError, ManifestError
from sonant.listening.sources import from_file
from sonant.listing import folders, tables
from sonant.manifest import Item, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Long:
    """A long recording, and the keywords that are said in it."""

    path: Path
    occurrences: tuple[Occurrence, ...] = ()


def find(where: Path, *, keywords: Collection[str], table: Path | None = None) -> tuple[Long, ...]:
    """The recordings of a file, of a folder and all below it, or of a table, sorted by their paths.

    Rows of a table (of `table` or else of a `manifest` in the folder) with a keyword as their label are
    occurrences, from `start` to `end`, or the whole file. Raises `ManifestError` where nothing is found.
    """
    files, items = _listed(where)
    if table is not None:
        items = Manifest.load(table).items
    said: dict[Path, list[Item]] = {}
    for item in items:
        if item.label in keywords:
            said.setdefault(item.path.resolve(), []).append(item)
    unknown = said.keys() - {file.resolve() for file in files}
    if table is not None and unknown:
        raise ManifestError(f"{table}: names {min(unknown)}, which is not among {where}")
    return tuple(
        Long(path=file, occurrences=_occurrences(said.get(file.resolve(), []))) for file in files
    )


def sounds(recordings: Iterable[Long], *, rate_hz: int) -> Iterator[Sound]:
    """The recordings, to be streamed from their files block by block."""
    for recording in recordings:

        @contextmanager
        def blocks(path: Path = recording.path) -> Iterator[Iterable[Samples]]:
            with from_file(path) as source:
                yield source.at(rate_hz)

        yield Sound(name=str(recording.path), open=blocks, occurrences=recording.occurrences)


def halves(recordings: Sequence[Long]) -> tuple[tuple[Long, ...], tuple[Long, ...]]:
    """Every second recording for choosing a threshold, and the others for reporting on it.

    Raises `ManifestError` where there are fewer than two.
    """
    if len(recordings) < 2:
        raise ManifestError(
            "one long recording cannot both choose a threshold and be reported on: give two or more, "
            "or cut it in two"
        )
    return tuple(recordings[::2]), tuple(recordings[1::2])


def _listed(where: Path) -> tuple[list[Path], Sequence[Item]]:
    """Audio files, and what is known of them."""
    if where.is_dir() and not any((where / f"manifest{e}").is_file() for e in tables.ENDINGS):
        inside = [path.relative_to(where) for path in where.rglob("*") if path.is_file()]
        heard = [
            path
            for path in inside
            if folders.is_audio(path.name)
            and not any(part.startswith(".") for part in path.parent.parts)
        ]
        if not heard:
            raise ManifestError(f"{where}: no audio files in it or below it")
        return [where / path for path in sorted(heard)], ()
    if where.is_file() and folders.is_audio(where.name):
        return [where], ()
    items = Manifest.load(where).items
    return sorted({item.path for item in items}), items


def _occurrences(items: Sequence[Item]) -> tuple[Occurrence, ...]:
    found = []
    for item in items:
        end_s = _length_s(item.path) if item.end_s is None else item.end_s
        found.append(Occurrence(label=item.label, start_s=item.start_s or 0.0, end_s=end_s))
    return tuple(sorted(found, key=lambda occurrence: occurrence.start_s))


def _length_s(path: Path) -> float:
    try:
        return float(soundfile.info(str(path)).duration)
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({error})") from error
