"""Which of all possible pairs become trials: by hashes of names, so the same on every machine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

LISTED: Final = 1024
"""So many possibilities are put in order; of more, numbers are drawn until enough are new."""
ATTEMPTS: Final = 20
"""Draws for each pair wanted, before what was found has to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording, as far as pairing it goes."""

    name: str
    speaker: str
    file: str
    session: str
    """Empty when unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How many pairs."""

    per_speaker: int
    """Pairs of one speaker, at most."""
    different_per_same: int
    """Pairs of two speakers for each of these."""
    seed: int


Pair = tuple[Clip, Clip]


def pairs(
    clips: Mapping[str, Sequence[Clip]], wanted: Wanted, *, two_sessions: bool
) -> Iterator[Pair]:
    """Each speaker's own pairs, then theirs with others, every other speaker as likely as the next."""
    seen: set[frozenset[str]] = set()
    for speaker, own in clips.items():
        same = _same(own, wanted, speaker, two_sessions=two_sessions)
        yield from same
        others = [theirs for other, theirs in clips.items() if other != speaker]
        yield from _different(own, others, wanted, speaker, len(same), seen)


def one_session(left: Clip, right: Clip) -> bool | None:
    """Whether two clips are of one sitting: one file is, and equal names are; None if unknown."""
    if left.file == right.file:
        return True
    if not left.session or not right.session:
        return None
    return left.session == right.session


def rank(key: str) -> bytes:
    """A place in a random order that is the same on every machine."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _same(own: Sequence[Clip], wanted: Wanted, speaker: str, *, two_sessions: bool) -> list[Pair]:
    def pair(number: int) -> Pair:
        # Pairs (i, j) with i < j, counted along j: number = j (j - 1) / 2 + i.
        j = (math.isqrt(8 * number + 1) + 1) // 2
        return own[number - j * (j - 1) // 2], own[j]

    def allowed(number: int) -> bool:
        return not two_sessions or one_session(*pair(number)) is not True

    total = len(own) * (len(own) - 1) // 2
    key = f"{wanted.seed}|same|{speaker}"
    return [pair(number) for number in _pick(wanted.per_speaker, total, key, allowed)]


def _different(
    own: Sequence[Clip],
    others: Sequence[Sequence[Clip]],
    wanted: Wanted,
    speaker: str,
    same: int,
    seen: set[frozenset[str]],
) -> list[Pair]:
    most = max((len(clips) for clips in others), default=0)

    def pair(number: int) -> Pair:
        rest, mine = divmod(number, len(own))
        place, other = divmod(rest, len(others))
        return own[mine], others[other][place % len(others[other])]

    def allowed(number: int) -> bool:
        names = frozenset(clip.name for clip in pair(number))
        new = names not in seen
        seen.add(names)
        return new

    total = len(own) * len(others) * most
    key = f"{wanted.seed}|different|{speaker}"
    numbers = _pick(same * wanted.different_per_same, total, key, allowed)
    return [pair(number) for number in numbers]


def _pick(wanted: int, total: int, key: str, allowed: Callable[[int], bool]) -> list[int]:
    """Up to `wanted` different numbers under `total` that are allowed, in an order of chance."""
    if total <= LISTED:
        order = iter(sorted(range(total), key=lambda n: rank(f"{key}|{n}")))
    else:
        order = _draws(ATTEMPTS * wanted, total, key)
    return list(islice(filter(allowed, order), wanted))


def _draws(times: int, total: int, key: str) -> Iterator[int]:
    """Numbers under `total`, each once, as they come up in so many draws."""
    seen: set[int] = set()
    for attempt in range(times):
        number = int.from_bytes(rank(f"{key}|{attempt}")) % total
        if number not in seen:
            seen.add(number)
            yield number
