"""Trials from speakers of whom there is one recording: its two ends, which are of one session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import soundfile

from sonant.manifest import Item, Manifest

SHORTEST_S: Final = 1.0
"""A piece is no shorter; a recording under twice that stays whole."""
LONGEST_S: Final = 8.0
DECIMALS: Final = 3
"""Of a second: pieces are named by their ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Clips of which some are pieces."""

    manifest: Manifest
    halved: int
    """Recordings that are in two pieces."""
    speakers: int
    """Speakers there are."""

    def __str__(self) -> str:
        return (
            f"{self.halved} of {self.speakers} speakers have one recording only: its two ends are compared, "
            "so these pairs are of one session"
        )


def wanted(manifest: Manifest) -> bool:
    """Whether most speakers have one clip only, so that whole clips make next to no pairs."""
    counts = _counts(manifest)
    return sum(count == 1 for count in counts.values()) * 2 > len(counts)


def ends(manifest: Manifest) -> Cut:
    """A speaker's only clip as its two ends, `SHORTEST_S` to `LONGEST_S` each and as far apart as can be.

    One whose length cannot be read stays whole: whoever hears it says why.
    """
    counts = _counts(manifest)
    items: list[Item] = []
    halved = 0
    for item in manifest:
        pieces = tuple(_ends(item)) if counts[item.speaker] == 1 else (item,)
        halved += len(pieces) > 1
        items += pieces
    return Cut(manifest=manifest.with_items(items), halved=halved, speakers=len(counts))


def _counts(manifest: Manifest) -> Counter[str]:
    return Counter(item.speaker for item in manifest if item.speaker)


def _ends(item: Item) -> Iterator[Item]:
    start, end = item.start_s or 0.0, item.end_s or _seconds(item)
    if end - start < 2 * SHORTEST_S:
        yield item
        return
    length = min((end - start) / 2, LONGEST_S)
    yield replace(item, start_s=start, end_s=round(start + length, DECIMALS))
    yield replace(item, start_s=round(end - length, DECIMALS), end_s=item.end_s)


def _seconds(item: Item) -> float:
    """How long a file is; 0 where it does not say."""
    try:
        return float(soundfile.info(str(item.path)).duration)
    except (soundfile.SoundFileError, OSError, RuntimeError):
        return 0.0
