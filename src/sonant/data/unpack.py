"""Unpack an archive from elsewhere: nothing leaves the folder, links, or outgrows its bound."""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from sonant.errors import FetchError

OnProgress = Callable[[int, int], None]
Member = tuple[str, int, IO[bytes] | None]
"""Name, size and content of a file; a folder has no content."""

BLOCK: Final = 1 << 20
MOST_PADDING: Final = 1 << 26
"""Bytes that may follow the last member of a tar archive."""
DAMAGED: Final = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


@dataclass(slots=True, kw_only=True)
class _Bounds:
    """What may still be written."""

    archive: Path
    max_bytes: int
    max_files: int
    bytes: int = 0
    files: int = 0

    def add(self, *, bytes: int = 0, files: int = 0) -> None:
        """Count what is about to be written, and refuse what goes over the bound."""
        self.bytes += bytes
        self.files += files
        if self.bytes > self.max_bytes or self.files > self.max_files:
            raise FetchError(
                f"{self.archive.name}: unpacks to more than {self.max_bytes:,} bytes or "
                f"{self.max_files:,} files; this is not the archive it should be"
            )


def unpack(
    archive: Path,
    folder: Path,
    *,
    max_bytes: int,
    max_files: int = 500_000,
    on_progress: OnProgress,
) -> int:
    """Unpack a zip or tar archive into `folder` and return the number of files.

    `on_progress` gets the bytes of the archive read and in all. Raises `FetchError` for a damaged
    archive and for one with absolute paths, `..`, links, devices, a name twice, or more than
    `max_bytes` or `max_files`; what was written until then is left for the caller to remove.
    """
    bounds = _Bounds(archive=archive, max_bytes=max_bytes, max_files=max_files)
    try:
        with archive.open("rb") as raw:
            members = _zip_members if raw.read(2) == b"PK" else _tar_members
            raw.seek(0)
            total = archive.stat().st_size
            for name, size, source in members(archive, raw):
                target = _target(archive, folder, name)
                bounds.add(files=1)
                if target is not None:
                    _write(source, target, size, bounds)
                on_progress(min(raw.tell(), total), total)
        on_progress(total, total)
    except FileExistsError as error:
        raise FetchError(f"{archive.name}: holds a name twice ({error.filename})") from error
    except (*DAMAGED, OSError, RuntimeError, NotImplementedError) as error:
        raise FetchError(f"{archive.name}: cannot be unpacked ({error})") from error
    return bounds.files


def _tar_members(archive: Path, raw: IO[bytes]) -> Iterator[Member]:
    with tarfile.open(fileobj=raw) as tar:
        for member in tar:
            if not (member.isreg() or member.isdir()):
                raise FetchError(f"{archive.name}: {member.name} is a link or a device; refused")
            yield member.name, member.size, tar.extractfile(member) if member.isreg() else None
        _drain(archive, tar.fileobj.read)


def _drain(archive: Path, read: Callable[[int], bytes]) -> None:
    """Read what follows the last member: only the very end tells that a stream is whole."""
    for _ in range(MOST_PADDING // BLOCK):
        if not read(BLOCK):
            return
    raise FetchError(f"{archive.name}: goes on behind its end; refused")


def _zip_members(archive: Path, raw: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as zipped:
        for member in zipped.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise FetchError(
                    f"{archive.name}: {member.filename} is a link or a device; refused"
                )
            if member.is_dir():
                yield member.filename, 0, None
                continue
            with zipped.open(member) as source:
                yield member.filename, member.file_size, source


def _target(archive: Path, folder: Path, name: str) -> Path | None:
    """Where a member goes, or None for what needs no place; refuses names that lead elsewhere."""
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name
    if outside or not name or re.match(r"[A-Za-z]:", name):
        raise FetchError(f"{archive.name}: the name {name!r} leads out of the folder; refused")
    is_junk = "__MACOSX" in path.parts  # resource forks that macOS adds to every zip
    return None if is_junk or not path.parts else folder.joinpath(*path.parts)


def _write(source: IO[bytes] | None, target: Path, size: int, bounds: _Bounds) -> None:
    """Copy a member block by block: its stated size is not to be believed."""
    if source is None:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("xb") as file:
        while block := source.read(BLOCK):
            bounds.add(bytes=len(block))
            written += file.write(block)
    if written != size:
        raise EOFError(f"{target.name} has {written} of {size} bytes")
