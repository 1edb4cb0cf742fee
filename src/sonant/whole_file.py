"""Files written whole or not at all: made beside their place, then moved into it."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A file beside `path` to fill; at the end it takes the place of `path`, after an error it is gone.

    It has the ending of `path`, is there and empty, and gets the permissions of any new file. `durable` waits
    until it is on the disk, so that a power cut leaves the old file or the new one. Raises `OSError`.
    """
    scratch = path.with_name(f".writing-{uuid.uuid4().hex}{path.suffix}")
    try:
        scratch.touch(exist_ok=False)
        # Some writers make their file anew, for its owner alone.
        mode = stat.S_IMODE(scratch.stat().st_mode)
        yield scratch
        scratch.chmod(mode)
        if durable:
            _sync(scratch)
        os.replace(scratch, path)
        if durable and os.name == "posix":
            _sync(path.parent)  # the new name is an entry of the folder
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, its line ends as they are."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes."""
    with beside(path) as scratch:
        scratch.write_bytes(content)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
