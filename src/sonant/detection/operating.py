"""The threshold for the false alarms an hour that somebody can bear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sonant.detection.counting import Asked, Counts
from sonant.detection.sweeping import grid
from sonant.errors import RecipeError
from sonant.runtime.decision import SETTINGS, Decision
from sonant.runtime.sweep import at_threshold
from sonant.tally import Condition, Rate


def asked(base: Decision) -> Asked:
    """`base` at every threshold of the grid, then as it is."""
    return Asked(decisions=(*(at_threshold(base, level) for level in grid()), base))


def lowest(counts: Counts, *, thresholds: int, per_hour: float) -> int | None:
    """Number of the lowest threshold from which upwards no rate is above `per_hour`; None without one."""
    best = None
    for number in reversed(range(thresholds)):
        if not counts.rate(number).per_hour <= per_hour:
            break
        best = number
    return best


def checked(per_hour: float | None) -> float | None:
    """A rate that can be asked for; raises `RecipeError` below 0."""
    if per_hour is not None and not per_hour >= 0:
        raise RecipeError(f"--false-alarms-per-hour {per_hour:g}: want 0 or more")
    return per_hour


def settled(question: Asked, number: int) -> Asked:
    """The same question about the decision that was chosen, which also stands last."""
    return replace(question, decisions=(*question.decisions[:-1], question.decisions[number]))


def point(
    decision: Decision,
    *,
    per_hour: float,
    alarms: Condition,
    rejects: Condition,
    chosen_on: dict[str, Any],
) -> dict[str, Any]:
    """What is stored in a bundle: the decision, and what it gave on data it was not chosen on."""
    return {
        SETTINGS: decision.to_dict(),
        "false_alarms_per_hour": {
            "asked": per_hour,
            "found": alarms.at.false_alarms.per_hour,
            **alarms.at.false_alarms.to_json(),
            "on": alarms.name,
        },
        "false_rejects": {**rejects.at.false_rejects.to_json(), "on": rejects.name},
        "chosen_on": chosen_on,
    }


def too_short(rate: Rate, per_hour: float) -> str | None:
    """A sentence where the hours do not bear the claim; None where they do."""
    _, high = rate.interval
    if high <= per_hour:
        return None
    return (
        f"{rate.count} false alarms in {rate.hours:.2f} hours allow up to {high:.3g} an hour (95 %), "
        f"which is above the {per_hour:g} asked for"
        + (
            f"; even with none, it takes {3.69 / per_hour:.3g} hours of audio to claim it"
            if per_hour > 0
            else "; no length of audio can show that there will be none"
        )
    )
