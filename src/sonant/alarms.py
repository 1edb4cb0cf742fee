"""Hits, misses and false alarms of a detector on long audio, with what may be said of them.

A detection is a label at a time; an occurrence is a label from a time to a time. numpy only.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

SECONDS_PER_HOUR = 3600.0
HALVINGS = 60
"""Enough to bring an interval of floats down to their spacing."""


class Detection(Protocol):
    """Something heard; `runtime.decision.Event` is one."""

    @property
    def label(self) -> str:
        """What."""

    @property
    def time_s(self) -> float:
        """When it was told, in seconds of the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A keyword that was really said."""

    label: str
    start_s: float
    """Seconds from the start of the recording."""
    end_s: float
    """Seconds from the start of the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What became of every detection and every occurrence."""

    hits: tuple[tuple[int, int], ...]
    """(detection, occurrence) pairs, by their numbers."""
    false_alarms: tuple[int, ...]
    """Detections of nothing, or of something else, or of the same thing once more."""
    misses: tuple[int, ...]
    """Occurrences that nothing told of."""


def match(
    detections: Sequence[Detection], occurrences: Sequence[Occurrence], *, tolerance_s: float
) -> Matched:
    """Give each occurrence the first detection of its label told between its start and its end.

    `tolerance_s` is added to the end: a decision takes its time. An occurrence is hit once; what is
    told of it again is a false alarm, as a system that acts on it would act twice.
    """
    told: dict[str, list[int]] = {}
    for number in sorted(range(len(detections)), key=lambda n: detections[n].time_s):
        told.setdefault(detections[number].label, []).append(number)
    hits: list[tuple[int, int]] = []
    used: set[int] = set()
    for number in sorted(range(len(occurrences)), key=lambda n: occurrences[n].end_s):
        occurrence = occurrences[number]
        alike = told.get(occurrence.label, [])
        first = bisect_left(alike, occurrence.start_s, key=lambda n: detections[n].time_s)
        for detection in alike[first:]:
            if detections[detection].time_s > occurrence.end_s + tolerance_s:
                break
            if detection not in used:
                used.add(detection)
                hits.append((detection, number))
                break
    hit = {occurrence for _, occurrence in hits}
    return Matched(
        hits=tuple(hits),
        false_alarms=tuple(n for n in range(len(detections)) if n not in used),
        misses=tuple(number for number in range(len(occurrences)) if number not in hit),
    )


def poisson_interval(count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of the mean number of events, where `count` were seen.

    The lower bound is the mean under which so many or more have the probability (1 - confidence) / 2,
    the upper one that under which so few or fewer have it; none seen gives 0 to -ln of it: 3.69 at
    95 %. Source: Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
    """
    tail = (1.0 - confidence) / 2.0
    high = _solve(lambda mean: _at_most(count, mean) - tail, count)
    if count == 0:
        return 0.0, high
    return _solve(lambda mean: tail - (1.0 - _at_most(count - 1, mean)), count), high


def rate_interval(count: int, hours: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of events an hour, where `count` were seen in so many hours; (0, inf) in no time."""
    if hours <= 0:
        return 0.0, math.inf
    low, high = poisson_interval(count, confidence=confidence)
    return low / hours, high / hours


def _at_most(count: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable, summed in logarithms so that no power overflows."""
    if mean <= 0:
        return 1.0
    logs = [number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(count + 1)]
    return min(1.0, math.fsum(math.exp(log) for log in logs))


def _solve(falling: Callable[[float], float], count: int) -> float:
    """Where a function that falls with the mean is 0."""

    low, high = 0.0, count + 10.0 * math.sqrt(count + 1.0) + 20.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2.0
