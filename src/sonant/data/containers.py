"""Is an audio file all there? A cut-off file often decodes without a complaint, but it shows.

Layouts: RIFF, RF64, W64, AIFF, CAF and AU carry the length of their sample data (Microsoft RIFF
specification; EBU Tech 3306; Sony Wave64; Apple AIFF 1.3 and CAF 1.0); Ogg marks its last page
(RFC 3533, section 6).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SLACK_BYTES = 64
"""A shortage this small is a header that was written carelessly, not a file that was cut off."""
UNKNOWN_BYTES = 0x7FFF_0000
"""Programs that write to a pipe cannot know the length and put a number from here up."""
PAGE_BYTES = 27 + 255 + 255 * 255
"""The longest page of an Ogg file."""
CHUNKS = 10_000
"""More chunks than any real file has; a damaged one could send the search round for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a container of chunks keeps the length of its samples."""

    start: int
    """Bytes before the first chunk."""
    name_bytes: int = 4
    size: str
    """The length field of a chunk, as `struct` writes it."""
    data: bytes
    """How the name of the chunk of samples begins."""
    align: int = 2
    own_header: bool = False
    """The length counts the chunk's own header too."""


_LAYOUTS = {
    b"RIFF": _Layout(start=12, size="<I", data=b"data"),
    b"RF64": _Layout(start=12, size="<I", data=b"data"),
    b"RIFX": _Layout(start=12, size=">I", data=b"data"),
    b"FORM": _Layout(start=12, size=">I", data=b"SSND"),
    b"caff": _Layout(start=8, size=">q", data=b"data", align=1),
    b"riff": _Layout(start=40, name_bytes=16, size="<Q", data=b"data", align=8, own_header=True),
}


def shortfall(path: Path) -> str:
    """Say what is missing at the end of a file; empty when nothing is or its format cannot tell.

    Raises `OSError` when the file cannot be opened.
    """
    total = os.path.getsize(path)
    with path.open("rb") as file:
        magic = file.read(4)
        if magic == b"OggS":
            return _ogg(file, total)
        if magic == b".snd":
            return _verdict(_au(file), total)
        layout = _LAYOUTS.get(magic)
        return "" if layout is None else _verdict(_chunked(file, total, layout), total)


def _verdict(promised_end: int | None, total: int) -> str:
    """Compare the byte where the samples should end with the length of the file."""
    if promised_end is None or promised_end <= total + SLACK_BYTES:
        return ""
    return f"cut off: its header promises {promised_end} bytes, the file has {total}"


def _chunked(file: IO[bytes], total: int, layout: _Layout) -> int | None:
    """The byte where the chunk of samples should end; None when that is not known."""
    head = layout.name_bytes + struct.calcsize(layout.size)
    position, long_size = layout.start, None
    for _ in range(CHUNKS):
        file.seek(position)
        header = file.read(head)
        if len(header) < head:
            return None
        name = header[: layout.name_bytes]
        size = struct.unpack(layout.size, header[layout.name_bytes :])[0]
        size -= head if layout.own_header else 0
        if name == b"ds64":  # RF64 keeps the true length of its samples here
            long_size = struct.unpack("<Q", file.read(16)[8:].ljust(8, b"\0"))[0]
        if name.startswith(layout.data):
            return _end(position + head, size, long_size)
        if size < 0 or position + head + size > total:
            return None
        position += head + -(-size // layout.align) * layout.align
    return None


def _end(start: int, size: int, long_size: int | None) -> int | None:
    """Where samples of a stated size end, unless the size only says "unknown"."""
    if long_size is not None and size == 0xFFFF_FFFF:
        return start + long_size
    unknown = size <= 0 or UNKNOWN_BYTES <= size <= 0xFFFF_FFFF or size >= 1 << 62
    return None if unknown else start + size


def _au(file: IO[bytes]) -> int | None:
    """The byte where the samples of an AU file should end."""
    header = file.read(8)
    if len(header) < 8:
        return None
    start, size = struct.unpack(">II", header)
    return _end(start, size, None)


def _ogg(file: IO[bytes], total: int) -> str:
    """An Ogg file ends with a whole page that is marked as the last."""
    file.seek(max(total - 2 * PAGE_BYTES, 0))
    tail = file.read()
    page = tail.rfind(b"OggS\0")
    if page < 0 or len(tail) < page + 27:
        return "cut off: it does not end with a whole Ogg page"
    segments = tail[page + 27 : page + 27 + tail[page + 26]]
    if len(segments) < tail[page + 26] or page + 27 + len(segments) + sum(segments) > len(tail):
        return "cut off: it ends in the middle of an Ogg page"
    last = tail[page + 5] & 4
    return "" if last else "cut off: its last Ogg page is missing"
