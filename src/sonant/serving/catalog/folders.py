"""The versions that lie in a model's folder: children whose whole name is a number.

A new version is best copied under another name (`2_tmp`) and then renamed, so no half of one is ever
seen; one that was looked at half copied fails, and is tried again as soon as its files are others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

from sonant.serving.catalog.config import ModelConfig

LARGEST: Final = 2**63 - 1
SECOND_LOOK_S: Final = 0.02


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to serve of one model, newest first."""

    versions: Mapping[int, Path] | None
    """None: the folder cannot be looked into now, so nothing is known."""
    warnings: tuple[str, ...] = field(default=())


def look(model: ModelConfig, known: Mapping[int, Path] = MappingProxyType({})) -> Found:
    """Look for the versions that the model's policy wants; never raises.

    A listing may miss what is renamed while it is made, so one without a version of `known` is made twice.
    """
    if model.bundle:
        number, folder = model.bundle
        return Found(versions={number: folder})
    path = model.base_path
    try:
        children, warnings = _numbered(path)
        if known.keys() - children.keys():
            time.sleep(SECOND_LOOK_S)
            again, warnings = _numbered(path)
            children = {n: at for n, at in children.items() if at.is_dir()} | again
    except (OSError, RuntimeError) as error:  # the latter for links that go round in circles
        # A folder that is away for a moment is no reason to unload what came from it.
        told = f"Could not find base path {path} for servable {model.name} with error {error}"
        return Found(versions=None, warnings=(told,))
    if not children:
        warnings.append(
            f"No versions of servable {model.name} found under base path {path}. "
            f"Did you forget to name your leaf directory as a number (eg. '/1/')?"
        )
    warnings += [
        f"Version {number} of servable {model.name}, which was requested to be served as a "
        f"'specific' version in the servable's policy, was not found in the file system"
        for number in model.policy.missed(children)
    ]
    chosen = {number: children[number] for number in model.policy.choose(children)}
    return Found(versions=chosen, warnings=tuple(warnings))


def fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    """What tells whether anything in a folder has changed: names, sizes and times of its files."""
    found = set()
    for path in folder.rglob("*"):
        try:
            stat = path.stat()
        except OSError:  # it went while we looked, and so is not there
            continue
        found.add((path.as_posix(), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


def number_of(name: str) -> int | None:
    """The version that a folder of this name holds: decimal digits and nothing else, as an int64."""
    if not (name.isascii() and name.isdecimal()):
        return None
    # Python refuses to read very long numbers, and none of them would be one of 64 bits.
    digits = name.lstrip("0") or "0"
    number = int(digits) if len(digits) <= len(str(LARGEST)) else LARGEST + 1
    return number if number <= LARGEST else None


def _numbered(path: Path) -> tuple[dict[int, Path], list[str]]:
    """Version -> folder, and what is odd about them."""
    found: dict[int, Path] = {}
    warnings = []
    home = path.resolve(strict=True)
    for number, child in _candidates(path):
        if not child.resolve().is_relative_to(home):
            warnings.append(f"{child}: leads out of {path}, so it is not served; copy the folder")
        elif number in found:
            warnings.append(
                f"{child}: version {number} is in {found[number].name} already; this one is left"
            )
        else:
            found[number] = child
    return found, warnings


def _candidates(path: Path) -> Iterator[tuple[int, Path]]:
    """Numbered folders; of two with the same number the shorter name comes first."""
    with os.scandir(path) as entries:
        names = sorted((entry.name for entry in entries), key=lambda name: (len(name), name))
    for name in names:
        number = number_of(name)
        if number is not None and (path / name).is_dir():
            yield number, path / name
