"""From probabilities at every frame to events: smoothing, thresholds, patience, hysteresis, refractory time.

Exactly, for each label that is no background, independent of all others:

1. The score of a frame is the mean probability over the last `smoothing_ms`; before the first frame
   probabilities are 0.
2. A label rests, or is in a burst. At rest, frames in a row with a score of at least the threshold
   are counted, none of them within `refractory_ms` after the last burst. When `patience` of them are
   reached, the label fires: an event at this frame, in a burst that began with the first of them.
3. A burst lasts until a score falls below the release, which is never above the threshold. That
   frame is the first at rest; a burst is one event, whatever its length.

All lengths are rounded to frames first (smoothing to the nearest, refractory time up), and a time is
counted from the first frame, so events do not depend on how the frames were cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from sonant import strict
from sonant.errors import BundleError, RecipeError

BACKGROUND = ("_silence_", "_unknown_")
"""Labels that say that nothing was said."""
SETTINGS = "decision"
"""The key of a bundle's operating point under which a `Decision` stands."""

Scores = NDArray[np.float64]
"""[frames, labels]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What makes an event; see the module for the exact meaning."""

    threshold: float = 0.5
    """Of all labels without one of their own; above 0."""
    thresholds: tuple[tuple[str, float], ...] = ()
    """(label, threshold) of the others."""
    release: float = 1.0
    """A burst ends below it; a threshold below it stands in its place, so 1 is no hysteresis."""
    smoothing_ms: float = 0.0
    """Span of the mean; below half a frame there is none."""
    patience: int = 1
    """Frames in a row that have to reach the threshold."""
    refractory_ms: float = 0.0
    """For so long after a burst its label stays silent."""
    background: tuple[str, ...] = BACKGROUND
    """Labels that never fire."""

    def __post_init__(self) -> None:
        levels = [self.threshold, self.release, *(level for _, level in self.thresholds)]
        if not all(0 < level <= 1 for level in levels):
            raise RecipeError(
                f"a threshold or release of {min(levels)} is not above 0 and at most 1"
            )
        for name in ("smoothing_ms", "refractory_ms"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise RecipeError(f"{name}: {getattr(self, name)} is no length of time")
        if self.patience < 1:
            raise RecipeError(f"patience: {self.patience} frames are too few; want 1 or more")

    @staticmethod
    def from_point(point: Mapping[str, Any] | None, *, where: str = "operating_point") -> Decision:
        """The settings in a bundle's operating point, under `decision`; without them, the defaults.

        Raises `BundleError` naming a setting that is unknown or mistyped.
        """
        try:
            built = strict.build(
                Decision, (point or {}).get(SETTINGS, {}), f"{where}.{SETTINGS}", tables={}
            )
        except RecipeError as error:
            raise BundleError(f"{error}") from error
        assert isinstance(built, Decision)
        return built

    def to_dict(self) -> dict[str, Any]:
        """What `from_point` reads under `decision`."""
        tree: dict[str, Any] = strict.plain(self, tables={})
        return tree

    def threshold_of(self, label: str) -> float:
        """The label's own, or that of all."""
        return dict(self.thresholds).get(label, self.threshold)

    def smoothing(self, hop_s: float) -> int:
        """Frames of the mean."""
        return max(1, round(self.smoothing_ms / 1000 / hop_s))

    def refractory(self, hop_s: float) -> int:
        """Frames of silence after a burst."""
        # A time that is a whole number of frames but for rounding is meant to be one.
        return math.ceil(self.refractory_ms / 1000 / hop_s - 1e-6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A label was heard; times in seconds of the stream."""

    label: str
    time_s: float
    """When it fired."""
    start_s: float
    """First frame of the burst."""
    end_s: float
    """Last frame of the burst; where the event is told as it fires, the frame that fired."""
    peak_s: float
    """The frame of the highest score, the first where there are several."""
    score: float
    """The highest score of the burst, as far as `end_s`."""

    def to_json(self) -> dict[str, Any]:
        """What `sonant listen --json` prints."""
        return {
            "label": self.label,
            "time_s": self.time_s,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "peak_s": self.peak_s,
            "score": self.score,
        }


@dataclass(slots=True)
class Watched:
    """Where the decision about one label stands; frames are counted from the first."""

    column: int
    name: str
    threshold: float
    release: float
    silent_until: int = 0
    run: int = 0
    fired: int = -1
    """The frame that fired, in a burst; else -1."""
    start: int = 0
    peak: int = 0
    score: float = 0.0


@final
class Decider:
    """Events of a live stream. Time goes on by `hop_s` a frame, from `first_s`."""

    def __init__(
        self,
        decision: Decision,
        *,
        labels: Sequence[str],
        hop_s: float,
        first_s: float = 0.0,
        early: bool = True,
    ) -> None:
        """With `early`, events are told the moment they fire; else when their bursts are over.

        Raises `RecipeError` where a threshold is of no known label.
        """
        self.decision, self.labels = decision, tuple(labels)
        self.hop_s, self.first_s, self.early = hop_s, first_s, early
        self._span = decision.smoothing(hop_s)
        self._refractory = decision.refractory(hop_s)
        self._watched = watched(decision, self.labels)
        self._columns = [label.column for label in self._watched]
        self._releases = np.array([label.release for label in self._watched])
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.frames = 0
        """Frames seen."""
        self._past: Scores = np.zeros((self._span - 1, len(self.labels)))
        self._watched = watched(self.decision, self.labels)

    def push(self, probabilities: NDArray[np.float32]) -> list[Event]:
        """Further frames [frames, labels] -> the events to tell, in the order of their being told.

        Raises `BundleError` where a probability is no number.
        """
        _check(probabilities, self.labels)
        seen = np.concatenate([self._past, probabilities])
        self._past = seen[len(seen) - self._span + 1 :]
        scores = _means(seen, self._span)
        told: list[Event] = []
        # Hardly any frame of a long recording concerns anybody.
        concerned = np.any(scores[:, self._columns] >= self._releases, axis=1)
        for row, is_concerned in enumerate(np.asarray(concerned).tolist()):
            if is_concerned or any(label.run or label.fired >= 0 for label in self._watched):
                told += self._frame(scores[row], self.frames + row)
        self.frames += len(scores)
        return told

    def finish(self) -> list[Event]:
        """The stream is over, and with it all bursts; their events, unless they are told early."""
        told = [
            self._event(label, end=self.frames - 1)
            for label in self._watched
            if label.fired >= 0 and not self.early
        ]
        for label in self._watched:
            label.fired, label.run = -1, 0
        return told

    def _frame(self, scores: Scores, now: int) -> Iterator[Event]:
        for label in self._watched:
            score = float(scores[label.column])
            if label.fired >= 0 and score < label.release:
                if not self.early:
                    yield self._event(label, end=now - 1)
                label.fired, label.run, label.silent_until = -1, 0, now + self._refractory
            elif label.fired >= 0:
                _rise(label, score, now)
            elif score < label.threshold or now < label.silent_until:
                label.run = 0
            else:
                if not label.run:
                    label.start, label.score = now, -1.0
                _rise(label, score, now)
                label.run += 1
                if label.run == self.decision.patience:
                    label.fired = now
                    if self.early:
                        yield self._event(label, end=now)

    def _event(self, label: Watched, *, end: int) -> Event:
        return Event(
            label=label.name,
            time_s=self._time(label.fired),
            start_s=self._time(label.start),
            end_s=self._time(end),
            peak_s=self._time(label.peak),
            score=label.score,
        )

    def _time(self, frame: int) -> float:
        return self.first_s + frame * self.hop_s


def smooth(probabilities: NDArray[np.float32], decision: Decision, *, hop_s: float) -> Scores:
    """Probabilities [frames, labels] of a whole recording -> scores of the same shape."""
    span = decision.smoothing(hop_s)
    return _means(
        np.concatenate([np.zeros((span - 1, probabilities.shape[1])), probabilities]), span
    )


def _means(seen: Scores, span: int) -> Scores:
    """Means of every `span` rows, summed in one order so that they are the same however rows were cut."""
    if span == 1:
        return seen
    count = len(seen) - span + 1
    total = seen[:count].copy()
    for shift in range(1, span):
        total += seen[shift : shift + count]
    total /= span
    return total


def watched(decision: Decision, labels: Sequence[str]) -> list[Watched]:
    """Every label that may fire, at rest; raises `RecipeError` for a threshold of no known label."""
    own = dict(decision.thresholds)
    if strange := sorted(own.keys() - set(labels)):
        raise RecipeError(
            f"thresholds: {strange[0]} is no label; there are {', '.join(labels) or 'none'}"
        )
    return [
        Watched(
            column=column,
            name=name,
            threshold=decision.threshold_of(name),
            release=min(decision.release, decision.threshold_of(name)),
        )
        for column, name in enumerate(labels)
        if name not in decision.background
    ]


def _rise(label: Watched, score: float, now: int) -> None:
    if score > label.score:
        label.score, label.peak = score, now


def _check(probabilities: NDArray[np.float32], labels: Sequence[str]) -> None:
    if probabilities.ndim != 2 or probabilities.shape[1] != len(labels):
        raise BundleError(
            f"probabilities are {list(probabilities.shape)}, want [frames, {len(labels)}]"
        )
    if not np.isfinite(probabilities).all():
        raise BundleError("a probability is not a number; train the network again")
