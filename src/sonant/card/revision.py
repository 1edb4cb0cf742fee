"""A new version of a bundle: more files or other entries beside what is there; the old one stays."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sonant.card import FILE, Card, write_card
from sonant.errors import BundleError


def revise(card: Card, *, files: Mapping[str, Path], changes: Mapping[str, Any]) -> Path:
    """Write the next version of a bundle beside the old one; returns its folder.

    `files` are added, by their names in the bundle; `changes` replace entries of bundle.json, whose
    tables `graphs` and `exports` are added to. Raises `BundleError` where a name leads out of the
    bundle, or the bundle does not stand in a `<name>/<version>/` folder.
    """
    if card.path.name != str(card.version):
        raise BundleError(
            f"{card.path}: is not in a folder {card.name}/{card.version}/, so there is no place "
            f"for a next version; copy it to such a folder first"
        )
    home = card.path.resolve().parent
    scratch = Path(tempfile.mkdtemp(dir=home, prefix=".writing-"))
    try:
        for name in card.files:
            # Files of a bundle never change, so two versions can share them.
            _put(card.file(name), scratch, name, put=os.link)
        for name, file in files.items():
            _put(file, scratch, name, put=shutil.copyfile)
        version = 1 + max(int(p.name) for p in home.iterdir() if p.name.isdecimal())
        write_card(scratch, _tree(card, changes, version=version))
        scratch.chmod(0o755)
        return scratch.rename(home / str(version))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _put(file: Path, folder: Path, name: str, *, put: Callable[[Path, Path], object]) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{name}: leads out of the bundle")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        put(file, path)
    except OSError:  # a file system without links
        shutil.copyfile(file, path)


def _tree(card: Card, changes: Mapping[str, Any], *, version: int) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((card.path / FILE).read_text(encoding="utf-8"))
    del tree["files"]
    for name in ("graphs", "exports"):
        if name in changes:
            tree[name] = {**tree.get(name, {}), **changes[name]}
    tree |= {name: value for name, value in changes.items() if name not in ("graphs", "exports")}
    parent = f"{card.name}/{card.version}"
    tree["provenance"] = {**tree["provenance"], "parent": parent}
    return tree | {"version": version}
