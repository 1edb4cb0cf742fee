"""bundle.json: what a bundle is, read without torch, with every file of it checked.

A bundle is the folder `<name>/<version>/`. Its card names the labels, the audio the graphs want,
where they came from, and the sha256 of every file; nothing after training needs to know more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sonant import whole_file
from sonant.card import parsing
from sonant.card.specs import (
    AudioSpec,
    ExportSpec,
    GraphSpec,
    ModelSpec,
    Provenance,
    StateSpec,
    StreamSpec,
)
from sonant.errors import BundleError
from sonant.json_tree import JsonTree

__all__ = [
    "AudioSpec",
    "Card",
    "ExportSpec",
    "GraphSpec",
    "ModelSpec",
    "Provenance",
    "StateSpec",
    "StreamSpec",
    "find",
    "hash_files",
    "write_card",
]

FORMAT = 1
"""The number in `format`; another one is another layout."""
FILE = "bundle.json"
GOLDEN = "golden.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that bundle.json says."""

    path: Path
    """The version folder."""
    name: str
    version: int
    """1 or more; a higher one is newer."""
    task: str
    labels: tuple[str, ...]
    """In the order of the graph's output."""
    audio: AudioSpec
    graphs: Mapping[str, GraphSpec]
    exports: Mapping[str, ExportSpec]
    model: ModelSpec
    metrics: Mapping[str, float]
    recipe: Mapping[str, Any]
    """The recipe as resolved; its meaning belongs to `sonant.recipe`."""
    operating_point: Mapping[str, Any] | None
    licence: str
    provenance: Provenance
    files: Mapping[str, str]
    """Relative name -> sha256 of every file but the card itself."""

    @staticmethod
    def read(path: Path, *, verify: bool = True) -> Card:
        """Read the card of a version folder; `verify` also compares the sha256 of every file.

        Raises `BundleError` naming the key that is missing or mistyped, or the file that is
        missing, changed, or outside the folder.
        """
        file = Path(path) / FILE
        try:
            tree = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BundleError(f"{file}: cannot be read as a card ({error})") from error
        card = _card(file, tree)
        if verify:
            card.verify()
        return card

    def verify(self) -> None:
        """Compare every file's sha256; raises `BundleError` naming the first file that differs."""
        for name, wanted in self.files.items():
            if _sha256(self.file(name)) != wanted:
                raise BundleError(
                    f"{self.path / name}: is not the file that was written (its sha256 differs "
                    f"from {FILE}); copy the bundle again from where it came from"
                )

    def file(self, name: str) -> Path:
        """A file of this bundle; raises `BundleError` when it is not there, or leads elsewhere."""
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise BundleError(f"{path}: leads out of the bundle's folder; do not trust this bundle")
        if not path.is_file():
            raise BundleError(f"{path}: named in {FILE} but not there; the bundle is incomplete")
        return path

    @property
    def bytes(self) -> int:
        """Size of the whole bundle on disk."""
        return sum((self.path / name).stat().st_size for name in (FILE, *self.files))


def find(path: Path) -> Path:
    """The version folder meant by `path`.

    `path` is a version folder, a name folder (its highest version is taken), or a run folder with
    `bundle/<name>/<version>` in it. Raises `BundleError` saying what was looked for.
    """
    path = Path(path)
    if (path / FILE).is_file():
        return path
    versions = [found for home in (path, *_folders(path / "bundle")) if (found := _latest(home))]
    if len(versions) > 1:
        listed = ", ".join(str(folder) for folder in versions)
        raise BundleError(f"{path}: holds more than one bundle; say which: {listed}")
    if not versions:
        what = "holds no bundle" if path.is_dir() else "there is no such folder"
        raise BundleError(
            f"{path}: {what}; looked for {FILE} in it, in <version>/ and bundle/<name>/<version>/"
        )
    return versions[0]


def write_card(folder: Path, mapping: Mapping[str, Any]) -> Card:
    """Hash all files of `folder` and write its bundle.json from `mapping`, which has no `files`.

    Raises `BundleError` naming the key that is missing or mistyped, or when there is a card.
    """
    file = folder / FILE
    if file.exists():
        raise BundleError(
            f"{file}: is there already; make a new version, a bundle is never rewritten"
        )
    tree = {"format": FORMAT, **mapping, "files": hash_files(folder)}
    try:
        text = json.dumps(tree, ensure_ascii=False, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BundleError(f"{file}: cannot be written as JSON ({error})") from error
    card = _card(file, json.loads(text))
    whole_file.write_text(file, text + "\n")
    return card


def hash_files(folder: Path) -> dict[str, str]:
    """Relative name -> sha256 of every file under `folder` but bundle.json, sorted by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / FILE)
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir()) if path.is_dir() else []


def _latest(path: Path) -> Path | None:
    """The sub-folder with the highest version number among those that hold a card."""
    versions = [
        folder
        for folder in _folders(path)
        if folder.name.isascii() and folder.name.isdecimal() and (folder / FILE).is_file()
    ]
    return max(versions, key=lambda folder: int(folder.name), default=None)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _card(file: Path, value: Any) -> Card:
    """Take the whole card apart, strictly."""
    if not isinstance(value, dict):
        raise BundleError(f"{file}: holds a {type(value).__name__}, want an object")
    tree = JsonTree(file=file, where="", values=value)
    if tree.get("format", int) != FORMAT:
        raise tree.error("format", f"{value['format']}, want {FORMAT}; install a newer sonant")
    tree.only("format", *(field.name for field in fields(Card) if field.name != "path"))
    files = tree.table("files").checksums(but=FILE)
    return Card(
        path=file.parent,
        name=tree.folder_name("name"),
        version=tree.count("version"),
        task=tree.text("task"),
        labels=parsing.labels(tree),
        audio=parsing.audio(tree.table("audio")),
        graphs=parsing.graphs(tree.table("graphs"), files),
        exports=parsing.exports(tree.table("exports"), files) if "exports" in value else {},
        model=parsing.model(tree.table("model")),
        metrics=tree.table("metrics").numbers(),
        recipe=tree.table("recipe").values,
        operating_point=tree.get("operating_point", dict, type(None)),
        licence=tree.text("licence"),
        provenance=parsing.provenance(tree.table("provenance")),
        files=files,
    )
