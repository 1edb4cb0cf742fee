"""Recordings of a plan read once and kept while they are of use, and which of them are of none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar, final

from sonant import audio
from sonant.audio import Clip
from sonant.conversion.converter import usable
from sonant.errors import AudioError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of opening a recording before the work begins."""

    path: Path
    seconds: float
    """0 where it is of no use."""
    objection: str
    """Why it is of no use; empty where it is."""


def read(path: Path, *, rate_hz: int) -> Clip:
    """A recording as a converter hears it; raises `AudioError` naming it where it is of no use."""
    return usable(audio.read(path), str(path), rate_hz=rate_hz)


def check(
    paths: Sequence[Path],
    *,
    rate_hz: int,
    njobs: int,
    on_progress: Callable[[int, int], object],
) -> Iterator[Checked]:
    """Open every recording, in order: better to know now than after a night."""

    def opened(path: Path) -> Checked:
        try:
            clip = read(path, rate_hz=rate_hz)
        except AudioError as error:
            return Checked(path=path, seconds=0.0, objection=str(error))
        return Checked(path=path, seconds=clip.duration_s, objection="")

    with ThreadPoolExecutor(njobs, thread_name_prefix="check") as pool:
        try:
            for number, found in enumerate(pool.map(opened, paths), start=1):
                yield found
                on_progress(number, len(paths))
        finally:
            pool.shutdown(cancel_futures=True)


@final
class Kept(Generic[K, T]):
    """The last so many results of a function of one argument; several threads may ask at once.

    A result that is on its way is waited for, not worked out twice.
    """

    def __init__(self, make: Callable[[K], T], *, most: int) -> None:
        self._make: Final = make
        self._most: Final = most
        self._results: Final[OrderedDict[K, T]] = OrderedDict()
        self._changing: Final = threading.Lock()
        self._making: Final[dict[K, threading.Lock]] = {}

    def __call__(self, asked: K) -> T:
        """What the function makes of `asked`; raises as it does."""
        with self._changing:
            making = self._making.setdefault(asked, threading.Lock())
        with making:
            with self._changing:
                if asked in self._results:
                    self._results.move_to_end(asked)
                    return self._results[asked]
            made = self._make(asked)
            with self._changing:
                self._results[asked] = made
                while len(self._results) > self._most:
                    self._making.pop(self._results.popitem(last=False)[0], None)
            return made
