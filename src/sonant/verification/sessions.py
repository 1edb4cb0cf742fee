"""What a clip is called in a list of trials, and in which sitting it was recorded."""

from __future__ import annotations

import os
from pathlib import Path

from sonant.manifest import Item


def name_of(item: Item, root: Path) -> str:
    """Path below `root` with slashes; a segment ends in `#t=START,END`, in seconds.

    Source of the ending: W3C Media Fragments URI 1.0, section 4.2.1 (temporal dimension).
    """
    path = os.path.abspath(item.path)
    inner = path.removeprefix(os.path.join(root, "")) if root.is_absolute() else path
    return inner.replace(os.sep, "/") + _segment(item)


def session_of(item: Item) -> str:
    """The chapter of a LibriSpeech clip (SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER), else empty: unknown.

    A chapter is read in one sitting; whether two chapters are, nobody wrote down, and they count as two
    sessions. Source: Panayotov et al., "LibriSpeech: an ASR corpus based on public domain audio books",
    ICASSP 2015.
    """
    parts = item.path.stem.split("-")
    chapter = item.path.parent
    if len(parts) == 3 and parts[:2] == [chapter.parent.name, chapter.name]:
        return "-".join(parts[:2])
    return ""


def _segment(item: Item) -> str:
    if item.start_s is None and item.end_s is None:
        return ""
    start = "" if item.start_s is None else f"{item.start_s:.10g}"
    return f"#t={start}" if item.end_s is None else f"#t={start},{item.end_s:.10g}"
