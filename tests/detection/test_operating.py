"""The lowest threshold whose false alarms can be borne, and what the hours allow to claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.detection import operating
from sonant.detection.counting import Counts
from sonant.errors import RecipeError
from sonant.runtime.decision import Decision
from sonant.tally import Rate


def counts(*false_alarms: int, hours: float = 2.0) -> Counts:
    none = Counts.none(decisions=len(false_alarms), labels=1)
    return replace(none, seconds=3600 * hours, false_alarms=np.array(false_alarms)[:, None])


@pytest.mark.parametrize(
    ("alarms", "per_hour", "wanted"),
    [
        ((9, 4, 2, 0), 1.0, 2),
        ((9, 4, 2, 0), 2.0, 1),
        ((9, 4, 2, 0), 0.0, 3),
        ((9, 4, 2, 0), 100.0, 0),
        ((9, 4, 3, 3), 1.0, None),
        # One that is low by chance below one that is not does not count.
        ((1, 4, 2, 0), 1.0, 2),
    ],
)
def test_the_lowest_threshold_that_holds_from_there_on_is_taken(
    alarms: tuple[int, ...], per_hour: float, wanted: int | None
) -> None:
    found = operating.lowest(counts(*alarms), thresholds=4, per_hour=per_hour)
    assert found == wanted


def test_no_audio_allows_no_threshold() -> None:
    assert operating.lowest(counts(0, 0, hours=0.0), thresholds=2, per_hour=5.0) is None


def test_the_question_is_every_threshold_and_then_the_decision_itself() -> None:
    base = Decision(threshold=0.3, smoothing_ms=50, thresholds=(("a", 0.7),))
    asked = operating.asked(base)
    assert asked.decisions[-1] is base
    assert {one.smoothing_ms for one in asked.decisions} == {50}
    assert not any(one.thresholds for one in asked.decisions[:-1])
    chosen = operating.settled(asked, 4)
    assert chosen.decisions[-1] == asked.decisions[4]
    assert len(chosen.decisions) == len(asked.decisions)


def test_too_few_hours_are_said_and_enough_are_not() -> None:
    note = operating.too_short(Rate(count=0, hours=1.0), 2.0)
    assert note is not None
    assert "up to 3.69 an hour" in note
    assert "1.84 hours" in note
    assert operating.too_short(Rate(count=0, hours=2.0), 2.0) is None
    assert "no length of audio" in str(operating.too_short(Rate(count=0, hours=9.0), 0.0))


def test_a_rate_below_zero_is_refused() -> None:
    assert operating.checked(0.0) == 0.0
    with pytest.raises(RecipeError, match="0 or more"):
        operating.checked(-1.0)
