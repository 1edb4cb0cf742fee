"""A name for each of many files that no other has: the stem, with as much of the path as it takes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path


def names(paths: Sequence[Path], *, folders: bool = False) -> list[str]:
    """A name for each path, in order, that depends on nothing but the paths, not on their order.

    `a/one.wav` is `one`; where there is `b/one.wav` as well they are `a-one` and `b-one`; and `a-one.wav`
    beside `a-one.flac` where the endings alone differ. Names that differ only in case count as the same.
    Of `folders` what stands behind the last dot is no ending.
    """
    found: dict[Path, str] = {}
    taken: set[str] = set()
    left = sorted(set(paths))
    for depth in range(1, 1 + max((len(path.parts) for path in left), default=0)):
        tried = {path: _name(path, depth, folders=folders) for path in left}
        left = _settle(tried, found, taken)
    left = _settle({path: path.name for path in left}, found, taken)
    for path in left:
        found[path] = _fresh(path.name, taken)
    return [found[path] for path in paths]


def distinct(wanted: Iterable[str]) -> list[str]:
    """The same names, in order; one that is there already gets a number."""
    taken: set[str] = set()
    return [_fresh(name, taken) for name in wanted]


def _name(path: Path, depth: int, *, folders: bool) -> str:
    """The stem behind the names of `depth - 1` folders."""
    parents = path.parent.parts
    above = parents[max(0, len(parents) - depth + 1) :]
    last = path.name if folders else path.stem
    return "-".join([*filter(None, (part.strip("/\\:") for part in above)), last])


def _settle(tried: dict[Path, str], found: dict[Path, str], taken: set[str]) -> list[Path]:
    """Give names to those that are alone with theirs; returns the others."""
    count = Counter(name.casefold() for name in tried.values())
    alone = [
        path
        for path, name in tried.items()
        if count[name.casefold()] == 1 and name.casefold() not in taken
    ]
    found |= {path: tried[path] for path in alone}
    taken |= {tried[path].casefold() for path in alone}
    return [path for path in tried if path not in found]


def _fresh(name: str, taken: set[str]) -> str:
    tries = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    free = next(one for one in tries if one.casefold() not in taken)
    taken.add(free.casefold())
    return free
