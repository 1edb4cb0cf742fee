"""What an evaluation on streams found: counts with their intervals, as figures to print, draw and store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sonant.alarms import rate_interval
from sonant.metrics import wilson_interval
from sonant.scoring import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Events in a time."""

    count: int
    hours: float

    @property
    def per_hour(self) -> float:
        """Events an hour; nan in no time."""
        return self.count / self.hours if self.hours > 0 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the rate at 95 %, by Poisson's law."""
        return rate_interval(self.count, self.hours)

    def to_json(self) -> dict[str, Any]:
        """Count, hours, rate and bounds; what is no number is null."""
        return {
            "count": self.count,
            "hours": self.hours,
            "per_hour": finite(self.per_hour),
            "interval": [finite(bound) for bound in self.interval],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Some of many."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """In [0, 1]; nan of none."""
        return self.count / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of the share at 95 %, by Wilson's formula."""
        return wilson_interval(self.count, self.of)

    def to_json(self) -> dict[str, Any]:
        """Count, of how many, share and bounds."""
        return {
            "count": self.count,
            "of": self.of,
            "share": finite(self.share),
            "interval": list(self.interval),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one threshold gives."""

    threshold: float
    false_alarms: Rate
    false_rejects: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What became of one keyword."""

    label: str
    false_alarms: Rate
    false_rejects: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long after a keyword its event is told, the model's delay included; in seconds."""

    hits: int
    after_start_s: tuple[float, float]
    """Median and 95th percentile, from the start of the occurrence."""
    after_end_s: tuple[float, float]
    """The same from its end; below 0 where the event is told before the occurrence is over."""

    def to_json(self) -> dict[str, Any]:
        """Medians and percentiles by name."""
        return {
            "hits": self.hits,
            "after_start_s": dict(zip(("median", "p95"), self.after_start_s, strict=True)),
            "after_end_s": dict(zip(("median", "p95"), self.after_end_s, strict=True)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Long audio of one kind, and what was heard in it."""

    name: str
    recordings: int
    hours: float
    at: Point
    """At the decision that is reported on."""
    words: tuple[Word, ...]
    """At the same decision, in the order of the labels."""
    latency: Latency | None
    """At the same decision; None without a hit."""
    curve: tuple[Point, ...]
    """Over rising thresholds."""

    def to_json(self) -> dict[str, Any]:
        """All figures; the curve without intervals."""
        return {
            "name": self.name,
            "recordings": self.recordings,
            "hours": self.hours,
            "threshold": self.at.threshold,
            "false_alarms": self.at.false_alarms.to_json(),
            "false_rejects": self.at.false_rejects.to_json(),
            "latency": None if self.latency is None else self.latency.to_json(),
            "words": [
                {
                    "label": word.label,
                    "false_alarms": word.false_alarms.to_json(),
                    "false_rejects": word.false_rejects.to_json(),
                }
                for word in self.words
            ],
            "curve": [
                {
                    "threshold": point.threshold,
                    "false_alarms_per_hour": finite(point.false_alarms.per_hour),
                    "false_rejects": finite(point.false_rejects.share),
                }
                for point in self.curve
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way of asking about clips, and how well it does."""

    name: str
    report: Report
    differing: int = 0
    """Clips that the whole-clip graph answers with another label."""
    points: float = 0.0
    """Accuracy against the whole-clip graph's, in points of per cent."""

    def to_json(self) -> dict[str, Any]:
        """The accuracy and what it is compared with."""
        return {
            "name": self.name,
            "accuracy": self.report.accuracy,
            "accuracy_interval": list(self.report.accuracy_interval),
            "interval_method": self.report.interval_method,
            "differing": self.differing,
            "points": self.points,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """How good a bundle is on streams."""

    whole: Report
    """Of the whole-clip graph."""
    forms: tuple[Form, ...]
    """Whole, reset before every clip, never reset."""
    decision: Mapping[str, Any]
    """What makes an event in all conditions below."""
    stitched: tuple[Condition, ...]
    """One a signal-to-noise ratio."""
    long: Condition | None
    """The long recordings, without those a threshold was chosen on."""
    point: Mapping[str, Any] | None = None
    """The operating point that was chosen and stored."""
    written: str = ""
    """The bundle it was stored in; empty where none was."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures has to know."""
    unreadable: tuple[str, ...] = ()
    """One message for each clip and long recording that could not be read."""

    def to_json(self) -> dict[str, Any]:
        """All of it, beside the keys of the whole-clip evaluation."""
        return {
            **self.whole.to_json(),
            "forms": [form.to_json() for form in self.forms],
            "decision": dict(self.decision),
            "stitched": [condition.to_json() for condition in self.stitched],
            "long": None if self.long is None else self.long.to_json(),
            "operating_point": None if self.point is None else dict(self.point),
            "written": self.written or None,
            "notes": list(self.notes),
            "unreadable": list(self.unreadable),
        }


def finite(value: float) -> float | None:
    """None in place of what JSON has no number for."""
    return value if math.isfinite(value) else None
