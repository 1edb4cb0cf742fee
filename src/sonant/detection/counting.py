"""Hits, misses and false alarms in many recordings under many decisions, several recordings at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.alarms import SECONDS_PER_HOUR, Occurrence, match
from sonant.audio import Samples
from sonant.detection.sweeping import Sweeper
from sonant.errors import AudioError
from sonant.runtime.decision import Decision, watched
from sonant.runtime.reading import usable_cores
from sonant.runtime.session import StreamGraph
from sonant.tally import Condition, Latency, Point, Rate, Share, Word

TOLERANCE_S: Final = 0.5
"""So long after its end an occurrence may still be told of; a decision takes its time."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A recording to listen to, opened when its turn comes."""

    name: str
    open: Callable[[], AbstractContextManager[Iterable[Samples]]]
    """Its blocks, at the rate of the bundle."""
    occurrences: tuple[Occurrence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Decisions that are counted together, and the one whose latency is wanted."""

    decisions: tuple[Decision, ...]
    """They differ in thresholds alone."""
    at: int = -1
    """Number of that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was counted; two of them add up."""

    false_alarms: Numbers
    """[decisions, labels]."""
    hits: Numbers
    """[decisions, labels]."""
    occurrences: Numbers
    """[labels]."""
    seconds: float
    recordings: int
    latencies: tuple[tuple[float, float], ...]
    """Seconds after start and end of an occurrence, of the hits of one decision."""
    unreadable: tuple[str, ...] = ()

    @staticmethod
    def none(*, decisions: int, labels: int) -> Counts:
        """Nothing yet."""
        return Counts(
            false_alarms=np.zeros((decisions, labels), np.int64),
            hits=np.zeros((decisions, labels), np.int64),
            occurrences=np.zeros(labels, np.int64),
            seconds=0.0,
            recordings=0,
            latencies=(),
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            false_alarms=self.false_alarms + other.false_alarms,
            hits=self.hits + other.hits,
            occurrences=self.occurrences + other.occurrences,
            seconds=self.seconds + other.seconds,
            recordings=self.recordings + other.recordings,
            latencies=self.latencies + other.latencies,
            unreadable=self.unreadable + other.unreadable,
        )

    @property
    def hours(self) -> float:
        """Of all recordings."""
        return self.seconds / SECONDS_PER_HOUR

    def rate(self, decision: int) -> Rate:
        """False alarms of all labels."""
        return Rate(count=int(self.false_alarms[decision].sum()), hours=self.hours)

    def rejects(self, decision: int) -> Share:
        """Occurrences of all labels that were missed."""
        return _missed(self.hits[decision].sum(), self.occurrences.sum())


def count(
    sounds: Iterable[Sound],
    graph: StreamGraph,
    asked: Asked,
    *,
    on_done: Callable[[Sound], None] = lambda sound: None,
    workers: int | None = None,
) -> Counts:
    """Stream all recordings, each from its beginning, and count; those not readable are named.

    A recording is never in memory as a whole unless it is opened so, nor are its answers.
    """
    total = Counts.none(decisions=len(asked.decisions), labels=len(graph.card.labels))
    for sound, found in _each(sounds, lambda one: count_one(one, graph, asked), workers=workers):
        total += found
        on_done(sound)
    return total


def count_one(sound: Sound, graph: StreamGraph, asked: Asked) -> Counts:
    """The counts of one recording."""
    labels = graph.card.labels
    sweeper = Sweeper(asked.decisions, labels=labels, hop_s=graph.hop_s, first_s=graph.first_s)
    session = graph.open()
    nothing = Counts.none(decisions=len(asked.decisions), labels=len(labels))
    try:
        with sound.open() as blocks:
            for block in blocks:
                sweeper.push(session.push(block))
    except AudioError as error:
        text = str(error) if sound.name in str(error) else f"{sound.name}: {error}"
        return replace(nothing, unreadable=(text,))
    seconds = session.seconds
    sweeper.push(session.finish())
    sweeper.finish()
    return _counted(sweeper, sound.occurrences, asked, seconds=seconds, delay_s=_delay_s(graph))


def condition(counts: Counts, asked: Asked, *, name: str, labels: Sequence[str]) -> Condition:
    """The figures of what was counted; the curve has the decisions before the last, which is `at`'s own."""
    at = asked.at % len(asked.decisions)
    keywords = {label.column for label in watched(asked.decisions[at], labels)}
    return Condition(
        name=name,
        recordings=counts.recordings,
        hours=counts.hours,
        at=_point(counts, asked, at),
        words=tuple(
            Word(
                label=label,
                false_alarms=Rate(count=int(counts.false_alarms[at, n]), hours=counts.hours),
                false_rejects=_missed(counts.hits[at, n], counts.occurrences[n]),
            )
            for n, label in enumerate(labels)
            if n in keywords
        ),
        latency=_latency(counts.latencies),
        curve=tuple(_point(counts, asked, n) for n in range(len(asked.decisions) - 1)),
    )


def _each(
    sounds: Iterable[Sound], work: Callable[[Sound], Counts], *, workers: int | None
) -> Iterator[tuple[Sound, Counts]]:
    """In order, a few at a time: onnxruntime lets go of the interpreter while it works."""
    workers = workers or usable_cores()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="stream")
    pending: deque[tuple[Sound, Future[Counts]]] = deque()
    try:
        for sound in sounds:
            pending.append((sound, pool.submit(work, sound)))
            if len(pending) > workers:
                first, future = pending.popleft()
                yield first, future.result()
        while pending:
            first, future = pending.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _counted(
    sweeper: Sweeper,
    occurrences: Sequence[Occurrence],
    asked: Asked,
    *,
    seconds: float,
    delay_s: float,
) -> Counts:
    column = {label: number for number, label in enumerate(sweeper.labels)}
    said = [occurrence for occurrence in occurrences if occurrence.label in column]
    false_alarms = np.zeros((len(asked.decisions), len(column)), np.int64)
    hits = np.zeros_like(false_alarms)
    latencies: list[tuple[float, float]] = []
    for row, events in enumerate(sweeper.events):
        matched = match(events, said, tolerance_s=TOLERANCE_S)
        for number in matched.false_alarms:
            false_alarms[row, column[events[number].label]] += 1
        for _, number in matched.hits:
            hits[row, column[said[number].label]] += 1
        if row == asked.at % len(asked.decisions):
            for number, other in matched.hits:
                told_s = events[number].time_s + delay_s
                latencies.append((told_s - said[other].start_s, told_s - said[other].end_s))
    return Counts(
        false_alarms=false_alarms,
        hits=hits,
        occurrences=np.bincount([column[o.label] for o in said], minlength=len(column)).astype(
            np.int64
        ),
        seconds=seconds,
        recordings=1,
        latencies=tuple(latencies),
    )


def _delay_s(graph: StreamGraph) -> float:
    return graph.stream.delay / graph.card.audio.rate_hz


def _point(counts: Counts, asked: Asked, number: int) -> Point:
    return Point(
        threshold=asked.decisions[number].threshold,
        false_alarms=counts.rate(number),
        false_rejects=counts.rejects(number),
    )


def _missed(hits: np.int64, occurrences: np.int64) -> Share:
    return Share(count=int(occurrences) - int(hits), of=int(occurrences))


def _latency(latencies: Sequence[tuple[float, float]]) -> Latency | None:
    if not latencies:
        return None
    middle, late = np.percentile(np.array(latencies), (50, 95), axis=0).tolist()
    return Latency(
        hits=len(latencies),
        after_start_s=(middle[0], late[0]),
        after_end_s=(middle[1], late[1]),
    )
