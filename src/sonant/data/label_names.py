"""Labels that look like slips: a folder misnamed once splits a class in two without a sound."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

RARE_SHARE = 0.25
"""A label one letter away from another is a slip only when it is this much rarer than the other."""
SHORTEST, LONGEST = 3, 4
"""Letters the shorter and the longer of two such labels must have: "no" is no slip of "go"."""
LITTER = frozenset({".ds_store", "__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})
"""What operating systems leave in folders."""
SPECIAL = {"silence": "_silence_", "unknown": "_unknown_", "background_noise": "_background_noise_"}
"""Names with a meaning of their own, and how they must be written to have it."""
WORDS = frozenset(
    """
    zero one two three four five six seven eight nine ten yes no up down left right on off stop go
    backward forward follow learn bed bird cat dog happy house marvin sheila tree visual wow
    open close start move enter cancel disable enable record undo zoom rotate receive send
    play pause next previous hello red green blue black white
    """.split()  # noqa: SIM905 (sixty lines otherwise)
)
"""Command words: none is a slip of another, however rare ("tree" beside "three")."""

_COPY = re.compile(r"[\s_-]*(\(\d+\)|\bcopy(\s*\d*))$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A label and what is odd about it."""

    label: str
    reason: str
    like: str = ""
    """The label that was probably meant."""


def suspicions(counts: Mapping[str, int]) -> list[Suspicion]:
    """Look through labels and their numbers of clips; at most one suspicion for each, sorted."""
    labels = sorted(label for label in counts if label)
    twins = _variants({label: counts[label] for label in labels})
    common = {label: counts[label] for label in labels if counts[label] >= 1 / RARE_SHARE}
    checks = (
        _litter(label)
        or _special(label)
        or twins.get(label)
        or _spacing(label)
        or _slip(label, counts[label], common)
        for label in labels
    )
    return [found for found in checks if found is not None]


def _litter(label: str) -> Suspicion | None:
    """Hidden folders and leavings of operating systems."""
    if label.startswith(".") or label.casefold() in LITTER:
        return Suspicion(label=label, reason="a hidden or system folder, not a label")
    return None


def _spacing(label: str) -> Suspicion | None:
    """Blanks that cannot be seen, and characters that cannot be printed."""
    clean = " ".join(label.split())
    if clean != label:
        return Suspicion(label=label, reason="has blanks around or doubled", like=clean)
    if not label.isprintable() or "\N{REPLACEMENT CHARACTER}" in label:
        return Suspicion(label=label, reason="has characters that cannot be printed")
    return None


def _special(label: str) -> Suspicion | None:
    """`silence` and `unknown` only mean something with their underscores."""
    meant = SPECIAL.get(label.casefold().strip("_ ").replace(" ", "_"))
    if meant is None or label == meant:
        return None
    return Suspicion(label=label, reason=f"an ordinary word, unlike {meant}", like=meant)


def _variants(counts: Mapping[str, int]) -> dict[str, Suspicion]:
    """Labels that differ only in case, blanks, punctuation or "copy"; the most common is right."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        groups[_bare(label)].append(label)
    found = {}
    for group in groups.values():
        common = max(group, key=lambda label: (label in SPECIAL.values(), counts[label], label))
        for label in set(group) - {common}:
            reason = f"differs from {common!r} only in case, blanks or punctuation"
            found[label] = Suspicion(label=label, reason=reason, like=common)
    return found


def _bare(label: str) -> str:
    """A label without case, blanks and punctuation; vowel signs, which are marks, make words."""
    plain = unicodedata.normalize("NFKC", _COPY.sub("", label)).casefold()
    kept = (letter for letter in plain if unicodedata.category(letter)[0] in "LMN")
    return "".join(kept) or label


def _slip(label: str, clips: int, common: Mapping[str, int]) -> Suspicion | None:
    """A rare label one slip of the finger away from a far more common one."""
    if label in WORDS:
        return None
    near = [
        other
        for other, others_clips in common.items()
        if clips <= RARE_SHARE * others_clips and _one_slip(label, other)
    ]
    if not near:
        return None
    meant = max(near, key=lambda other: (common[other], other))
    reason = f"one letter away from {meant!r}, which is far more common"
    return Suspicion(label=label, reason=reason, like=meant)


def _one_slip(label: str, other: str) -> bool:
    """One letter more, less, other, or two neighbours changed over; digits tell things apart."""
    short, long = sorted((label.casefold(), other.casefold()), key=len)
    start = _common(short, long)
    end = _common(short[start:][::-1], long[start:][::-1])
    a, b = short[start : len(short) - end], long[start : len(long) - end]
    if len(short) < SHORTEST or any(letter.isdigit() for letter in a + b):
        return False
    if len(a) == 2 and a == b[::-1]:
        return True
    return len(long) >= LONGEST and len(b) == 1


def _common(one: str, other: str) -> int:
    """Number of equal characters at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
