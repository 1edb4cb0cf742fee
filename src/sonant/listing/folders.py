"""Which clips a folder holds: label folders, split folders of label folders, or loose files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sonant.audio import SUFFIXES
from sonant.errors import ManifestError
from sonant.listing.names import BACKGROUND, CLIP_FOLDERS, NOT_READABLE, SPLITS, canonical_split
from sonant.listing.tables import ENDINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An audio file and what its place says about it."""

    path: Path
    label: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """One folder, looked into once."""

    path: Path
    clips: tuple[Path, ...]
    """Audio files directly in it."""
    folders: tuple[Path, ...]
    """Sub-folders that could hold clips."""
    tables: tuple[str, ...]
    """Names of the tables in it."""


def is_audio(name: str) -> bool:
    """Whether a file name ends like audio and is not hidden."""
    ending = os.path.splitext(name)[1].lower()
    return not name.startswith(".") and (ending in SUFFIXES or ending in NOT_READABLE)


def clips(root: Path) -> tuple[Clip, ...]:
    """All clips under `root`, sorted by label folder and name.

    Raises `ManifestError` that says what was looked for when there is nothing, or when the folder
    could mean two things.
    """
    top = _descend(_look(root))
    subfolders = [_look(path) for path in top.folders if _any_audio(path)]
    if not top.clips and subfolders and all(_names_a_split(part) for part in subfolders):
        found = [clip for part in subfolders for clip in _split_folder(part)]
    else:
        found = list(_labelled(top, subfolders))
    if not found:
        raise ManifestError(
            f"{root}: no audio found. Looked for {', '.join(f'manifest{end}' for end in ENDINGS)}, "
            "sub-folders of clips named after their labels (also inside train, validation and test "
            f"folders), and audio files. {_others(top)}"
        )
    return tuple(found)


def _look(path: Path) -> _Folder:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise ManifestError(f"{path}: cannot be opened ({error.strerror})") from error
    return _Folder(
        path=path,
        clips=tuple(path / entry.name for entry in entries if _is_clip(entry)),
        folders=tuple(path / entry.name for entry in entries if _may_hold_clips(entry)),
        tables=tuple(entry.name for entry in entries if _is_table(entry.name)),
    )


def _is_clip(entry: os.DirEntry[str]) -> bool:
    """A link that leads nowhere counts as a file, so that it is reported and not lost."""
    return is_audio(entry.name) and not entry.is_dir()


def _may_hold_clips(entry: os.DirEntry[str]) -> bool:
    hidden = entry.name.startswith(".") or entry.name in ("__MACOSX", BACKGROUND)
    return not hidden and entry.is_dir()


def _is_table(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith((".csv", ".tsv", ".jsonl"))


def _names_a_split(folder: _Folder) -> bool:
    return folder.path.name.lower() in SPLITS


def _descend(top: _Folder) -> _Folder:
    """Go down through folders that only wrap another: what an archive unpacks to, or `audio/`."""
    while not top.clips and not top.tables and len(top.folders) == 1:
        inner = _look(top.folders[0])
        is_label = inner.clips and inner.path.name.lower() not in CLIP_FOLDERS
        if is_label or _names_a_split(inner):
            return top
        top = inner
    return top


def _split_folder(part: _Folder) -> Iterator[Clip]:
    """The clips of one split; those that lie in it directly have no label, as in a test set."""
    split = canonical_split(part.path.name)
    inner = _descend(part)
    for clip in _labelled(inner, [_look(path) for path in inner.folders if _any_audio(path)]):
        yield Clip(path=clip.path, label=clip.label, split=split)


def _labelled(top: _Folder, subfolders: list[_Folder]) -> Iterator[Clip]:
    """The clips of label folders, or loose ones; refuses what could be read in two ways."""
    holding = [folder for folder in subfolders if folder.clips]
    _refuse_two_readings(top, subfolders, holding)
    yield from (Clip(path=path) for path in top.clips)
    for folder in holding:
        yield from (Clip(path=path, label=folder.path.name) for path in folder.clips)


def _refuse_two_readings(top: _Folder, subfolders: list[_Folder], holding: list[_Folder]) -> None:
    if top.tables and (holding or top.clips) and len(holding) < 2:
        raise ManifestError(
            f"{top.path}: holds {', '.join(top.tables)} and no label folders; name the table "
            f"itself ({top.path / top.tables[0]}), or move it away if it does not list the clips"
        )
    if top.clips and holding:
        raise ManifestError(
            f"{top.path}: holds label folders ({holding[0].path.name}...) and loose audio "
            f"({top.clips[0].name}...); move the loose files away or into a label folder"
        )
    deeper = next(
        (path for folder in subfolders for path in folder.folders if _any_audio(path)), None
    )
    if deeper is not None:
        raise ManifestError(
            f"{deeper}: holds audio, but a label folder must hold its clips directly; which of the "
            "folders is the label? Move the clips up, or list them in a CSV: file_name,target"
        )


def _any_audio(path: Path) -> bool:
    """Whether there is audio anywhere below; stops at the first."""
    return any(is_audio(name) for _, _, names in os.walk(path) for name in names)


def _others(top: _Folder) -> str:
    """What there is instead, for the message."""
    names = sorted(entry.name for entry in os.scandir(top.path) if not entry.name.startswith("."))
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{top.path} holds: {listed}" if names else f"{top.path} is empty"
