"""What counts as a hit, a miss and a false alarm, and how sure one may be of a rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.alarms import Occurrence, match, poisson_interval, rate_interval


@dataclass(frozen=True)
class Told:
    label: str
    time_s: float


def said(label: str, start_s: float, end_s: float) -> Occurrence:
    return Occurrence(label=label, start_s=start_s, end_s=end_s)


def test_a_detection_within_an_occurrence_is_a_hit() -> None:
    found = match([Told("go", 1.5)], [said("go", 1, 2)], tolerance_s=0)
    assert (found.hits, found.false_alarms, found.misses) == (((0, 0),), (), ())


@pytest.mark.parametrize(
    ("time_s", "hit"), [(0.99, False), (1.0, True), (2.5, True), (2.51, False)]
)
def test_it_may_come_late_by_the_tolerance_and_never_early(time_s: float, hit: bool) -> None:
    found = match([Told("go", time_s)], [said("go", 1, 2)], tolerance_s=0.5)
    assert bool(found.hits) is hit
    assert bool(found.false_alarms) is bool(found.misses) is not hit


def test_what_is_told_twice_is_a_false_alarm_the_second_time() -> None:
    found = match([Told("go", 1.8), Told("go", 1.2)], [said("go", 1, 2)], tolerance_s=0)
    assert (found.hits, found.false_alarms) == (((1, 0),), (0,))


def test_another_word_in_its_place_is_a_miss_and_a_false_alarm() -> None:
    found = match([Told("no", 1.5)], [said("go", 1, 2)], tolerance_s=0)
    assert (found.hits, found.false_alarms, found.misses) == ((), (0,), (0,))


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 50)), max_size=30),
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 50), st.floats(0, 3)), max_size=20),
)
def test_nothing_is_counted_twice_or_lost(
    told: list[tuple[str, float]], spoken: list[tuple[str, float, float]]
) -> None:
    detections = [Told(label, time_s) for label, time_s in told]
    occurrences = [said(label, start, start + length) for label, start, length in spoken]
    found = match(detections, occurrences, tolerance_s=0.2)
    assert sorted([n for n, _ in found.hits] + list(found.false_alarms)) == list(range(len(told)))
    assert sorted([n for _, n in found.hits] + list(found.misses)) == list(range(len(spoken)))
    for detection, occurrence in found.hits:
        heard, real = detections[detection], occurrences[occurrence]
        assert heard.label == real.label
        assert real.start_s <= heard.time_s <= real.end_s + 0.2


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (100, 81.364, 121.627)],
)
def test_the_bounds_are_garwoods(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), abs=1e-3)


def test_many_events_overflow_nothing() -> None:
    low, high = poisson_interval(5000)
    assert low == pytest.approx(5000 - 1.96 * math.sqrt(5000), rel=2e-3)
    assert high == pytest.approx(5000 + 1.96 * math.sqrt(5000), rel=2e-3)


def test_a_rate_is_bounded_by_the_time_it_was_seen_in() -> None:
    assert rate_interval(5, 10.0) == pytest.approx((0.16235, 1.16683), abs=1e-4)
    assert rate_interval(3, 0.0) == (0.0, math.inf)
