"""What is to be converted into what, and what the results are called: settled before the first clip."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from sonant import prediction
from sonant.converting import naming
from sonant.errors import ManifestError
from sonant.listing import tables

Voices = Literal["file", "folder", "all"]
VOICES: Final = get_args(Voices)
SOURCE_COLUMN, TARGET_COLUMN = "source", "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Whose voice is wanted."""

    name: str
    files: tuple[Path, ...]
    """Recordings of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One conversion."""

    name: str
    """`SOURCE_to_TARGET`, as no other pair of the plan is called."""
    source: Path
    voice: Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All conversions of a run, in order."""

    pairs: tuple[Pair, ...]
    own: int
    """Pairs of a recording with itself, which are left out."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every recording that is listened to, once."""
        sources = (pair.source for pair in self.pairs)
        targets = (path for pair in self.pairs for path in pair.voice.files)
        return tuple(dict.fromkeys([*sources, *targets]))


def plan(
    sources: Sequence[Path],
    targets: Sequence[Path],
    *,
    pairs: str = "all",
    voices: Voices = "file",
    seed: int = 0,
) -> Plan:
    """Settle the conversions of files, folders of any depth, and tables.

    `pairs` is `all` (every source into every voice), `random N` (so many different ones of these, by `seed`),
    or a CSV with the columns source and target, whose paths lie beside it or under the folders given. A voice
    is each target `file`, each `folder` that holds some, or `all` targets together. Raises `ManifestError`
    where nothing is left, and naming what is not there.
    """
    table = Path(pairs)
    if table.suffix.lower() in tables.ENDINGS:
        return _planned(_from_table(table, [*sources], [*targets]))
    count = _count(pairs)
    spoken, heard = _files(sources, "--source"), _voices(_files(targets, "--target"), voices)
    every = [(source, voice) for source in spoken for voice in heard if voice.files != (source,)]
    if count is not None:
        if count > len(every):
            raise ManifestError(f"--pairs {pairs}: there are only {len(every)} different pairs")
        # Chosen by lot but in the order of all, so that a run goes through the sources once.
        chosen = sorted(random.Random(seed).sample(range(len(every)), count))
        every = [every[number] for number in chosen]
    return _planned(
        every, own=sum(voice.files == (source,) for source in spoken for voice in heard)
    )


def _planned(every: Sequence[tuple[Path, Voice]], *, own: int = 0) -> Plan:
    if not every:
        raise ManifestError(
            "there is nothing to convert: the only source is the only target; name another target"
        )
    sources = [source for source, _ in every]
    called = dict(zip(sources, naming.names(sources), strict=True))
    names = naming.distinct(f"{called[source]}_to_{voice.name}" for source, voice in every)
    pairs = (
        Pair(name=name, source=source, voice=voice)
        for name, (source, voice) in zip(names, every, strict=True)
    )
    return Plan(pairs=tuple(pairs), own=own)


def _count(pairs: str) -> int | None:
    """How many pairs are drawn; None for all."""
    if pairs == "all":
        return None
    word, _, number = pairs.replace(":", " ").partition(" ")
    if word != "random" or not number.strip().isdecimal() or int(number) < 1:
        raise ManifestError(f"--pairs {pairs}: want all, 'random N', or a CSV of source and target")
    return int(number)


def _files(given: Sequence[Path], option: str) -> list[Path]:
    if not given:
        raise ManifestError(f"{option}: name a recording, or a folder of them")
    items = prediction.gather([Path(path) for path in given]).items
    if cut := next((item for item in items if item.start_s or item.end_s), None):
        raise ManifestError(
            f"{option}: {cut.path} stands in a table as a part of a file; whole files are converted"
        )
    # Named twice, a recording is converted once.
    return list(dict.fromkeys(Path(os.path.normpath(item.path)) for item in items))


def _voices(files: Sequence[Path], voices: Voices) -> list[Voice]:
    if voices == "file":
        called = zip(naming.names(files), files, strict=True)
        return [Voice(name=name, files=(path,)) for name, path in called]
    if voices == "all":
        return [Voice(name=_shared(files), files=tuple(files))]
    folders: dict[Path, list[Path]] = {}
    for path in files:
        folders.setdefault(path.parent, []).append(path)
    return [
        Voice(name=name, files=tuple(folders[folder]))
        for name, folder in zip(naming.names(list(folders), folders=True), folders, strict=True)
    ]


def _shared(files: Sequence[Path]) -> str:
    """The name of the folder that holds all files."""
    shared = Path(os.path.commonpath([path.absolute().parent for path in files]))
    return shared.name or "voice"


def _from_table(
    path: Path, sources: Sequence[Path], targets: Sequence[Path]
) -> list[tuple[Path, Voice]]:
    table = tables.read(path)
    for column in (SOURCE_COLUMN, TARGET_COLUMN):
        if column not in table.columns:
            raise ManifestError(
                f"{path}: has no column '{column}'; want {SOURCE_COLUMN},{TARGET_COLUMN}"
            )
    rows = [
        (
            _under([*sources, path.parent], row.cells[SOURCE_COLUMN], f"{path}, line {row.line}"),
            _under([*targets, path.parent], row.cells[TARGET_COLUMN], f"{path}, line {row.line}"),
        )
        for row in table.rows
    ]
    heard = [target for _, target in rows]
    called = dict(zip(heard, naming.names(heard), strict=True))
    return [
        (source, Voice(name=called[target], files=(target,)))
        for source, target in dict.fromkeys(rows)
    ]


def _under(homes: Sequence[Path], name: str, where: str) -> Path:
    """A file that a table names, looked for under `homes`."""
    tries = [home / name for home in homes]
    found = next((path for path in tries if name and path.is_file()), None)
    if found is None:
        listed = ", ".join(str(path) for path in tries)
        raise ManifestError(f"{where}: there is no file {name!r}; looked for {listed}")
    return Path(os.path.normpath(found))
