"""Get a known corpus: downloaded, checked, unpacked. It happens only when it is asked for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sonant.data.corpora import CORPORA, Corpus
from sonant.data.download import OnProgress, Patience, Wanted, download
from sonant.data.unpack import unpack
from sonant.errors import FetchError

__all__ = ["Patience", "fetch"]

MARK: Final = ".sonant-fetched.json"
"""In the folder of an unpacked corpus: what it was made from."""
UNPACKED: Final = 4
"""How many times its archive a corpus may take when unpacked; speech takes up to twice."""
SLACK: Final = 1 << 26
"""Bytes that any archive, however small, may take besides."""


def _uncounted(done: int, total: int) -> None:
    del done, total


def _unheard(text: str) -> None:
    del text


def fetch(
    corpus: Corpus | str,
    folder: Path,
    *,
    on_progress: OnProgress = _uncounted,
    on_note: Callable[[str], None] = _unheard,
    patience: Patience | None = None,
) -> Path:
    """Download a corpus and unpack it to `folder/<name>`; one that is there already is left alone.

    `on_progress` gets bytes done and in all (0 while unknown), first of the download, then of the
    unpacking; `on_note` hears what else is worth knowing, such as the checksum of a file that has
    none published. A broken download is kept and continued next time, if the server still has the
    same file. An archive put into `folder` by hand is used as it is, after the same check.

    Raises `FetchError` for an unknown name, a server that refuses or keeps breaking off, a file
    that is too large or has the wrong checksum, a full disk, and an archive that is not safe.
    """
    corpus = _known(corpus) if isinstance(corpus, str) else corpus
    home = folder / corpus.name
    try:
        if not _is_fetched(corpus, home):
            _fetch(corpus, folder, home, on_progress, on_note, patience or Patience())
    except OSError as error:
        raise FetchError(f"{folder}: cannot be written ({error})") from error
    return home


def _fetch(
    corpus: Corpus,
    folder: Path,
    home: Path,
    on_progress: OnProgress,
    on_note: Callable[[str], None],
    patience: Patience,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / Path(urlsplit(corpus.url).path).name
    if not archive.exists():
        wanted = Wanted(
            url=corpus.url,
            part=archive.with_name(f"{archive.name}.part"),
            size=corpus.bytes or None,
            is_checked=corpus.sha256 is not None,
        )
        download(wanted, on_progress=on_progress, patience=patience)
        digest = _checked(corpus, wanted.part)
        os.replace(wanted.part, archive)
        wanted.drop()
    else:
        digest = _checked(corpus, archive)
    if corpus.sha256 is None:
        on_note(f"{archive.name}: no checksum is published; its sha256, unverified, is {digest}")
    on_note(f"unpacking {archive.name}")
    _unpack(corpus, archive, home, digest, on_progress)
    archive.unlink()


def _known(name: str) -> Corpus:
    if name not in CORPORA:
        close = get_close_matches(name, CORPORA, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise FetchError(f"{name}: no known corpus; {hint}known are {', '.join(CORPORA)}")
    return CORPORA[name]


def _is_fetched(corpus: Corpus, home: Path) -> bool:
    """Whether the corpus is there, whole; refuses to touch a folder that holds something else."""
    if not home.exists() or (home.is_dir() and not any(home.iterdir())):
        return False
    try:
        mark = json.loads((home / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        mark = {}
    if mark.get("url") == corpus.url and corpus.sha256 in (None, mark.get("sha256")):
        return True
    raise FetchError(
        f"{home}: holds something that was not fetched from {corpus.url}; move it away, or fetch "
        "into another folder"
    )


def _checked(corpus: Corpus, file: Path) -> str:
    """The SHA-256 of a file; one that is not the published file is put aside and never used."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    size = file.stat().st_size
    if digest == corpus.sha256 or (corpus.sha256 is None and size == (corpus.bytes or size)):
        return digest
    aside = file.with_name(f"{file.name.removesuffix('.part')}.wrong")
    os.replace(file, aside)
    raise FetchError(
        f"{corpus.url}: is not the published file: sha256 {digest} and {size:,} bytes, want "
        f"{corpus.sha256} and {corpus.bytes or size:,} bytes. It is kept as {aside} and will not "
        "be used; repeat the command to download it anew"
    )


def _unpack(
    corpus: Corpus, archive: Path, home: Path, digest: str, on_progress: OnProgress
) -> None:
    """Unpack beside `home` and rename at the end: a folder of that name is always whole."""
    size = archive.stat().st_size
    beside = home.with_name(f".{corpus.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        bound = UNPACKED * size + SLACK
        files = unpack(archive, beside, max_bytes=bound, on_progress=on_progress)
        mark = {
            "url": corpus.url,
            "sha256": digest,
            "bytes": size,
            "files": files,
            "licence": corpus.licence,
            "citation": corpus.citation,
        }
        (beside / MARK).write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")
        if home.is_dir():
            home.rmdir()  # it is empty, or it would not have been fetched
        os.replace(beside, home)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
