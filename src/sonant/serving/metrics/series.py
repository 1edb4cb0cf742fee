"""Counters, gauges and histograms with labels, and how Prometheus reads them.

An update is a look-up in a dict and an addition. A family never looks at what its labels mean: whoever fills
it sees to it that they have few values.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeAlias, final

Labels: TypeAlias = tuple[str, ...]
"""The values, in the order of the family's label names."""

_TO_ESCAPE: Final = re.compile(r'[\\"\n]')
_ESCAPED: Final = {"\\": r"\\", '"': r"\"", "\n": r"\n"}


class Family(ABC):
    """All series of one name."""

    kind: str
    """counter, gauge or histogram."""

    def __init__(self, name: str, *, labels: Sequence[str] = (), about: str = "") -> None:
        """`about` is one line for whoever reads the page; a family without it is an alias."""
        self.name: Final = name
        self.labels: Final = tuple(labels)
        self.about: Final = about

    def lines(self) -> Iterator[str]:
        """The family as text, header first; nothing where it has no series."""
        samples = list(self.samples())
        if samples:
            if self.about:
                yield f"# HELP {self.name} {self.about}"
            yield f"# TYPE {self.name} {self.kind}"
            yield from samples

    @abstractmethod
    def samples(self) -> Iterator[str]:
        """One line for each number."""

    @abstractmethod
    def forget(self, labels: Labels) -> None:
        """Drop one series, where there is one."""

    def line(self, labels: Labels, number: float, *, suffix: str = "", edge: str = "") -> str:
        """`name_suffix{label="value"} number`."""
        pairs = [
            f'{name}="{escaped(value)}"' for name, value in zip(self.labels, labels, strict=True)
        ]
        pairs += [f'le="{edge}"'] if edge else []
        return f"{self.name}{suffix}{{{','.join(pairs)}}} {number_text(number)}"


@final
class Counter(Family):
    """What only grows."""

    kind = "counter"

    def __init__(self, name: str, *, labels: Sequence[str] = (), about: str = "") -> None:
        """No series yet."""
        super().__init__(name, labels=labels, about=about)
        self._values: dict[Labels, float] = {}

    def add(self, labels: Labels, amount: float = 1) -> None:
        """`amount` more."""
        self._values[labels] = self._values.get(labels, 0) + amount

    def total(self, first: str, *, but: str | None = None) -> float:
        """The sum of all series whose first label is `first`, without those whose last is `but`."""
        found = self._values.items()
        return sum(number for labels, number in found if labels[0] == first and labels[-1] != but)

    def samples(self) -> Iterator[str]:
        """One line for each series."""
        for labels, number in sorted(self._values.items()):
            yield self.line(labels, number)

    def forget(self, labels: Labels) -> None:
        """Drop one series, where there is one."""
        self._values.pop(labels, None)


@final
class Gauge(Family):
    """What goes up and down."""

    kind = "gauge"

    def __init__(self, name: str, *, labels: Sequence[str] = (), about: str = "") -> None:
        """No series yet."""
        super().__init__(name, labels=labels, about=about)
        self._values: dict[Labels, float] = {}

    def add(self, labels: Labels, amount: float) -> None:
        """`amount` more, or less."""
        self._values[labels] = self._values.get(labels, 0) + amount

    def put(self, labels: Labels, number: float) -> None:
        """It is `number` now."""
        self._values[labels] = number

    def samples(self) -> Iterator[str]:
        """One line for each series."""
        for labels, number in sorted(self._values.items()):
            yield self.line(labels, number)

    def forget(self, labels: Labels) -> None:
        """Drop one series, where there is one."""
        self._values.pop(labels, None)


@dataclass(slots=True)
class Spread:
    """One series of a histogram."""

    counts: list[int]
    """How many values fell between one edge and the next; the last is beyond all edges."""
    total: float = 0.0
    """The sum of the values."""


@final
class Histogram(Family):
    """How values are spread, between edges that are fixed."""

    kind = "histogram"

    def __init__(
        self, name: str, *, edges: Sequence[float], labels: Sequence[str] = (), about: str = ""
    ) -> None:
        """`edges` ascend; a value on an edge belongs below it."""
        super().__init__(name, labels=labels, about=about)
        self.edges: Final = tuple(edges)
        self._spreads: dict[Labels, Spread] = {}

    def observe(self, labels: Labels, value: float) -> None:
        """One value more."""
        spread = self._spreads.get(labels)
        if spread is None:
            spread = self._spreads[labels] = Spread([0] * (len(self.edges) + 1))
        spread.counts[bisect_left(self.edges, value)] += 1
        spread.total += value

    def samples(self) -> Iterator[str]:
        """For each series its buckets, each with all below it, then the sum and the count."""
        edges = [f"{edge:g}" for edge in self.edges] + ["+Inf"]
        for labels, spread in sorted(self._spreads.items(), key=lambda pair: pair[0]):
            below = list(accumulate(spread.counts))
            for edge, count in zip(edges, below, strict=True):
                yield self.line(labels, count, suffix="_bucket", edge=edge)
            yield self.line(labels, spread.total, suffix="_sum")
            yield self.line(labels, below[-1], suffix="_count")

    def forget(self, labels: Labels) -> None:
        """Drop one series, where there is one."""
        self._spreads.pop(labels, None)


def geometric(first: float, *, growth: float, count: int) -> tuple[float, ...]:
    """Edges, each `growth` times the one before."""
    return tuple(first * growth**power for power in range(count))


def escaped(value: str) -> str:
    """A label's value as it stands between its quotes."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPED[found[0]], value)


def number_text(number: float) -> str:
    """Whole numbers without a point, others with all their digits."""
    return str(int(number)) if float(number).is_integer() else repr(float(number))
