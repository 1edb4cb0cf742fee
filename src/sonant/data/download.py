"""One file over HTTP into a `.part` file: resumed where that is safe, retried, bounded."""

from __future__ import annotations

import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sonant.errors import FetchError

OnProgress = Callable[[int, int], None]

BLOCK: Final = 1 << 18
DEFAULT_BOUND: Final = 200 * 10**9
"""Bytes that a file of unknown size may have."""
PASSING: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
"""HTTP statuses that are worth another try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How a shaky connection is borne."""

    delays_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Seconds before each further try; a try that brought new bytes starts over with the first."""
    timeout_s: float = 30.0
    """Seconds without a byte after which the connection counts as broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The file to get, and what is known of it."""

    url: str
    part: Path
    """Where the bytes go; a note of where they came from lies beside it."""
    size: int | None
    """Bytes it must have; None when unknown."""
    is_checked: bool
    """Whether a checksum will tell if a continued download is of one piece."""

    @property
    def note(self) -> Path:
        """What the part came from."""
        return self.part.with_name(f"{self.part.name}.json")

    @property
    def have(self) -> int:
        """Bytes that are there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def drop(self) -> None:
        """Forget the part."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """Which file a part belongs to: only the same one may be continued."""

    url: str
    etag: str = ""
    modified: str = ""
    total: int | None = None

    @property
    def validator(self) -> str:
        """What a server can compare; weak tags do not vouch for every byte."""
        return self.modified if self.etag.startswith("W/") else self.etag or self.modified


class _Broken(Exception):
    """The connection broke; another try may help."""


def download(wanted: Wanted, *, on_progress: OnProgress, patience: Patience) -> None:
    """Fill `wanted.part`, from where it was left if the server still has the same file.

    `on_progress` gets bytes done and in all (0 while unknown). Raises `FetchError` when the server
    refuses, keeps breaking off (the part is kept), or sends more than the file can have, and when
    the disk is too small; `OSError` when it cannot be written.
    """
    if urlsplit(wanted.url).scheme not in ("http", "https"):
        raise FetchError(f"{wanted.url}: only http and https can be fetched")
    failures, best = 0, wanted.have
    while True:
        try:
            _attempt(wanted, on_progress, patience.timeout_s)
            return
        except _Broken as error:
            failures, best = 0 if wanted.have > best else failures, max(best, wanted.have)
            if failures == len(patience.delays_s):
                raise FetchError(
                    f"{wanted.url}: {error}; gave up. {wanted.have:,} bytes are kept, and the same "
                    "command goes on from there"
                ) from error
            time.sleep(patience.delays_s[failures])
            failures += 1


def _attempt(wanted: Wanted, on_progress: OnProgress, timeout_s: float) -> None:
    """One request for what is missing. Returns when the file is whole."""
    version = _continued(wanted)
    have = wanted.have
    if have and have == wanted.size:
        return
    request = urllib.request.Request(wanted.url, headers=_headers(have, version))
    try:
        response = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            _refused(wanted, error, have)
        return
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection failed ({error})") from error
    with response:
        start, total = _accepted(wanted, response, version)
        _receive(wanted, response, start, total, on_progress)


def _continued(wanted: Wanted) -> _Version:
    """Which file the part belongs to; drops a part that cannot be continued safely."""
    try:
        version = _Version(**json.loads(wanted.note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        version = _Version(url="")
    is_same = version.url == wanted.url and bool(version.validator or wanted.is_checked)
    if is_same and wanted.have <= (wanted.size or DEFAULT_BOUND):
        return version
    wanted.drop()
    return _Version(url=wanted.url)


def _headers(have: int, version: _Version) -> dict[str, str]:
    """Ask for the rest of the same file, or for the whole of a changed one."""
    headers = {"User-Agent": "sonant", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if version.validator:
            headers["If-Range"] = version.validator
    return headers


def _refused(wanted: Wanted, error: urllib.error.HTTPError, have: int) -> None:
    """Returns when the refusal means that nothing is missing; raises otherwise."""
    if error.code == 416:
        _, total = _range(error.headers.get("Content-Range", ""))
        if total == have and have:
            return
        wanted.drop()
        raise _Broken("the server has less of the file than is here")
    if error.code in PASSING:
        raise _Broken(f"the server answered {error.code} {error.reason}")
    raise FetchError(
        f"{wanted.url}: the server answered {error.code} {error.reason}. If it has moved, download "
        f"it by hand to {wanted.part.with_suffix('')} and repeat the command"
    )


def _accepted(
    wanted: Wanted, response: http.client.HTTPResponse, version: _Version
) -> tuple[int, int | None]:
    """Where the answer starts, and how long the whole file is; refuses one that is too long."""
    start, length = 0, response.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() else None
    if response.status == 206:
        first, total = _range(response.headers.get("Content-Range", ""))
        start = wanted.have
        is_same = bool(version.validator) or version.total in (None, total)
        if first != start or not is_same:
            wanted.drop()
            raise _Broken("the server's file is another one than was begun")
    bound = wanted.size or DEFAULT_BOUND
    if total is not None and total > bound:
        wanted.drop()
        raise FetchError(
            f"{wanted.url}: the server offers {total:,} bytes, and the file has {bound:,} at most; "
            "it is not the one that was published"
        )
    _room(wanted, total or wanted.size or 0, start)
    new = _Version(
        url=wanted.url,
        etag=response.headers.get("ETag", ""),
        modified=response.headers.get("Last-Modified", ""),
        total=total,
    )
    wanted.note.write_text(json.dumps(asdict(new)), encoding="utf-8")
    return start, total


def _range(header: str) -> tuple[int | None, int | None]:
    """`bytes 100-199/200` -> (100, 200); None for what is not said."""
    span, _, total = header.removeprefix("bytes").strip().partition("/")
    first = span.partition("-")[0]
    return (int(first) if first.isdigit() else None), (int(total) if total.isdigit() else None)


def _room(wanted: Wanted, total: int, have: int) -> None:
    """The rest of the archive and its content, at least as large, must fit on the disk."""
    folder = wanted.part.parent
    free, needed = shutil.disk_usage(folder).free, 2 * total - have
    if needed > free:
        raise FetchError(
            f"{folder}: has {free:,} bytes free, and {needed:,} are needed for the archive and its "
            "content; make room, or fetch into another folder"
        )


def _receive(
    wanted: Wanted,
    response: http.client.HTTPResponse,
    start: int,
    total: int | None,
    on_progress: OnProgress,
) -> None:
    """Write the body behind the first `start` bytes: to its end, and not a byte over the bound."""
    bound, have = wanted.size or DEFAULT_BOUND, start
    # Without a stated length one byte more than there may be: a body that is too long shows itself.
    last = bound + 1 if total is None else total
    with wanted.part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while have < last and (block := _block(response, min(BLOCK, last - have))):
            have += file.write(block)
            on_progress(have, wanted.size or total or 0)
    if have > bound:
        wanted.drop()
        raise FetchError(f"{wanted.url}: sends more than the {bound:,} bytes the file has; refused")
    whole = wanted.size or total
    if whole is not None and have < whole:
        raise _Broken(f"it broke off after {have:,} of {whole:,} bytes")


def _block(response: http.client.HTTPResponse, size: int) -> bytes:
    """Whatever has come, so that a break loses nothing of it."""
    try:
        return response.read1(size)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke ({error})") from error
