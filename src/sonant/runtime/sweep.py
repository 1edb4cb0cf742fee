"""Decisions about whole recordings, hours long and at many thresholds: the same events as a stream's.

Here the frames of a burst are found by sorting and searching rather than one after the other;
`runtime.decision` says what an event is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.runtime.decision import Decision, Event, Scores, smooth, watched

Column = NDArray[np.float64]
"""[frames], the scores of one label."""
Frames = NDArray[np.intp]
"""Numbers of frames, rising."""


class Burst(NamedTuple):
    """Numbers of frames, counted from the first of the recording."""

    start: int
    fired: int
    last: int


def decide(
    probabilities: NDArray[np.float32],
    decision: Decision,
    *,
    labels: Sequence[str],
    hop_s: float,
    first_s: float = 0.0,
    early: bool = False,
) -> list[Event]:
    """Events of a whole recording, [frames, labels], as a `Decider` tells them and in its order."""
    scores = smooth(probabilities, decision, hop_s=hop_s)
    return decide_scores(scores, decision, labels=labels, hop_s=hop_s, first_s=first_s, early=early)


def decide_scores(
    scores: Scores,
    decision: Decision,
    *,
    labels: Sequence[str],
    hop_s: float,
    first_s: float = 0.0,
    early: bool = False,
) -> list[Event]:
    """As `decide`, from scores that `smooth` has made once for many thresholds."""
    found: list[tuple[int, int, Event]] = []
    for label in watched(decision, labels):
        column = np.ascontiguousarray(scores[:, label.column])
        (bursts,) = _at_each(column, [label.threshold], decision, hop_s=hop_s)
        for burst in bursts:
            last = burst.fired if early else burst.last
            peak = burst.start + int(column[burst.start : last + 1].argmax())
            start_s, fired_s, last_s, peak_s = (
                first_s + frame * hop_s for frame in (burst.start, burst.fired, last, peak)
            )
            event = Event(
                label=label.name,
                time_s=fired_s,
                start_s=start_s,
                end_s=last_s,
                peak_s=peak_s,
                score=float(column[peak]),
            )
            found.append((burst.fired if early else burst.last + 1, label.column, event))
    return [event for _, _, event in sorted(found, key=lambda told: told[:2])]


def count_events(
    probabilities: NDArray[np.float32],
    thresholds: Sequence[float],
    decision: Decision,
    *,
    labels: Sequence[str],
    hop_s: float,
) -> NDArray[np.int64]:
    """Events of each label at each of `thresholds` in place of its own, [thresholds, labels].

    Background labels have none. From the release upwards, a higher threshold never gives more: bursts
    end where they did, and none begins earlier.
    """
    scores = smooth(probabilities, decision, hop_s=hop_s)
    counts = np.zeros((len(thresholds), len(labels)), np.int64)
    for label in watched(decision, labels):
        column = np.ascontiguousarray(scores[:, label.column])
        for row, bursts in enumerate(_at_each(column, thresholds, decision, hop_s=hop_s)):
            counts[row, label.column] = sum(1 for _ in bursts)
    return counts


def at_threshold(decision: Decision, threshold: float) -> Decision:
    """The same settings with one threshold for all labels."""
    return replace(decision, threshold=threshold, thresholds=())


def _at_each(
    column: Column, thresholds: Sequence[float], decision: Decision, *, hop_s: float
) -> Iterator[Iterator[Burst]]:
    """The bursts of one label at one threshold after the other."""
    lowest = min(thresholds, default=1.0)
    # All that any threshold looks at; most frames of a long recording concern none.
    loud = np.flatnonzero(column >= lowest)
    below = np.flatnonzero(column < decision.release)
    for threshold in thresholds:
        above = loud[column[loud] >= threshold]
        quiet = below if decision.release <= threshold else below[column[below] < threshold]
        yield _bursts(
            above,
            quiet,
            frames=len(column),
            patience=decision.patience,
            refractory=decision.refractory(hop_s),
        )


def _bursts(
    above: Frames, quiet: Frames, *, frames: int, patience: int, refractory: int
) -> Iterator[Burst]:
    """Bursts from the frames that reach the threshold and those that fall below the release."""
    if not len(above):
        return
    gaps = np.flatnonzero(np.diff(above) > 1)
    firsts = above[np.concatenate([[0], gaps + 1])]
    lasts = above[np.concatenate([gaps, [len(above) - 1]])]
    long = lasts - firsts + 1 >= patience
    firsts, lasts = firsts[long], lasts[long]
    run, silent_until = 0, 0
    while run < len(firsts):
        start = max(int(firsts[run]), silent_until)
        fired = start + patience - 1
        if fired > lasts[run]:
            run += 1
            continue
        place = int(np.searchsorted(quiet, fired))
        rest = int(quiet[place]) if place < len(quiet) else frames
        yield Burst(start, fired, rest - 1)
        silent_until = rest + refractory
        run = int(np.searchsorted(lasts, silent_until))
