"""What a clip is called in a trial, and what its path says of the sitting."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.manifest import Item
from sonant.verification.sessions import name_of, session_of


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (None, None, "a/1.wav"),
        (1.5, 3.0, "a/1.wav#t=1.5,3"),
        (None, 3.25, "a/1.wav#t=,3.25"),
        (0.0, None, "a/1.wav#t=0"),
    ],
)
def test_segments_are_told_apart_by_their_times(
    start: float | None, end: float | None, name: str
) -> None:
    item = Item(path=Path("/data/a/1.wav"), start_s=start, end_s=end)
    assert name_of(item, Path("/data")) == name


@pytest.mark.parametrize(
    ("path", "session"),
    [
        ("x/19/198/19-198-0001.flac", "19-198"),
        ("x/19/227/19-198-0001.flac", ""),
        ("go/0a2b400e_nohash_0.wav", ""),
        ("p225/p225_001.flac", ""),
    ],
)
def test_the_chapter_is_the_session_where_names_say_so(path: str, session: str) -> None:
    assert session_of(Item(path=Path(path))) == session
