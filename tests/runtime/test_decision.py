"""What an event is: one burst, one event, however the frames come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import HOP_S, LABELS, decisions, recordings
from sonant.errors import BundleError, RecipeError
from sonant.runtime.decision import Decider, Decision, Event, smooth
from sonant.runtime.sweep import decide


def frames_of(*go: float) -> np.ndarray:
    """[frames, labels] where only `go` is ever heard."""
    found = np.zeros((len(go), len(LABELS)), np.float32)
    found[:, 0] = go
    return found


def told(decision: Decision, *go: float, early: bool = False) -> list[Event]:
    decider = Decider(decision, labels=LABELS, hop_s=HOP_S, early=early)
    return decider.push(frames_of(*go)) + decider.finish()


def frame_numbers(events: list[Event]) -> list[tuple[int, int, int, int]]:
    """(start, fired, peak, end) of each event, in frames."""
    return [
        (
            round(event.start_s / HOP_S),
            round(event.time_s / HOP_S),
            round(event.peak_s / HOP_S),
            round(event.end_s / HOP_S),
        )
        for event in events
    ]


def test_a_burst_of_ten_frames_is_one_event_and_a_hundred_bursts_are_a_hundred() -> None:
    burst = [0.9] * 10 + [0.0] * 10
    assert len(told(Decision(), *burst)) == 1
    assert len(told(Decision(), *burst * 100)) == 100


def test_an_event_says_where_its_burst_began_fired_peaked_and_ended() -> None:
    decision = Decision(threshold=0.5, release=0.3, patience=2)
    events = told(decision, 0.1, 0.6, 0.7, 0.4, 0.9, 0.9, 0.3, 0.2, 0.6)
    assert frame_numbers(events) == [(1, 2, 4, 6)]
    assert events[0].label == "go"
    assert events[0].score == pytest.approx(0.9)


def test_an_early_event_is_told_as_it_fires_and_once() -> None:
    decider = Decider(Decision(patience=2), labels=LABELS, hop_s=HOP_S, early=True)
    assert decider.push(frames_of(0.6)) == []
    (event,) = decider.push(frames_of(0.7))
    assert frame_numbers([event]) == [(0, 1, 1, 1)]
    assert decider.push(frames_of(0.9, 0.9, 0.0)) == decider.finish() == []


def test_what_is_open_at_the_end_is_told_by_finish() -> None:
    decider = Decider(Decision(), labels=LABELS, hop_s=HOP_S, early=False)
    assert decider.push(frames_of(0.0, 0.9, 0.8)) == []
    assert frame_numbers(decider.finish()) == [(1, 1, 1, 2)]
    assert decider.finish() == []


def test_time_begins_where_the_stream_says() -> None:
    decider = Decider(Decision(), labels=LABELS, hop_s=HOP_S, first_s=-0.01)
    (event,) = decider.push(frames_of(0.0, 0.9))
    assert event.time_s == pytest.approx(0.01)


def test_patience_wants_frames_in_a_row() -> None:
    decision = Decision(patience=3)
    assert told(decision, 0.9, 0.9, 0.0, 0.9, 0.9, 0.4, 0.9) == []
    assert frame_numbers(told(decision, 0.9, 0.0, 0.9, 0.9, 0.9)) == [(2, 4, 2, 4)]


def test_hysteresis_holds_a_burst_together() -> None:
    flicker = [0.6, 0.45, 0.6, 0.45, 0.6, 0.1]
    assert len(told(Decision(threshold=0.5), *flicker)) == 3
    assert len(told(Decision(threshold=0.5, release=0.4), *flicker)) == 1


def test_a_label_stays_silent_for_the_refractory_time_after_its_burst() -> None:
    decision = Decision(refractory_ms=3 * HOP_S * 1000)
    assert len(told(decision, 0.9, 0.0, 0.9, 0.9, 0.0, 0.0)) == 1
    # The burst ended with frame 0, and frame 4 is the first more than three frames later.
    assert [fired for _, fired, _, _ in frame_numbers(told(decision, 0.9, 0, 0, 0, 0.9))] == [0, 4]


def test_frames_of_the_refractory_time_are_no_part_of_patience() -> None:
    decision = Decision(refractory_ms=2 * HOP_S * 1000, patience=2)
    events = told(decision, 0.9, 0.9, 0.0, 0.9, 0.9, 0.9)
    assert [fired for _, fired, _, _ in frame_numbers(events)] == [1, 5]


def test_smoothing_takes_the_frames_before_the_first_for_zeros() -> None:
    decision = Decision(smoothing_ms=4 * HOP_S * 1000)
    assert told(decision, 0.9, 0.9) == []
    assert [fired for _, fired, _, _ in frame_numbers(told(decision, 0.9, 0.9, 0.9))] == [2]


def test_each_label_has_its_own_threshold_and_its_own_burst() -> None:
    probabilities = np.array([[0.6, 0.4, 0, 0], [0.6, 0.4, 0, 0], [0, 0, 1, 0]], np.float32)
    decider = Decider(
        Decision(threshold=0.5, thresholds=(("stop", 0.3),)), labels=LABELS, hop_s=HOP_S
    )
    assert [event.label for event in decider.push(probabilities)] == ["go", "stop"]


def test_background_never_fires() -> None:
    loud = np.ones((5, len(LABELS)), np.float32)
    labels = {event.label for event in decide(loud, Decision(), labels=LABELS, hop_s=HOP_S)}
    assert labels == {"go", "stop"}
    only = Decision(background=("go",))
    labels = {event.label for event in decide(loud, only, labels=LABELS, hop_s=HOP_S)}
    assert labels == {"stop", "_silence_", "_unknown_"}


@settings(deadline=None)
@given(recording=recordings, decision=decisions, early=st.booleans(), data=st.data())
def test_events_do_not_depend_on_how_frames_were_cut(
    recording: np.ndarray, decision: Decision, early: bool, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(recording)), max_size=8)))
    decider = Decider(decision, labels=LABELS, hop_s=HOP_S, first_s=0.005, early=early)
    whole = decider.push(recording) + decider.finish()
    decider.reset()
    pieces = [event for part in np.split(recording, cuts) for event in decider.push(part)]
    assert pieces + decider.finish() == whole


@settings(deadline=None)
@given(recording=recordings, decision=decisions)
def test_events_are_told_early_and_late_in_order_and_are_the_same_ones(
    recording: np.ndarray, decision: Decision
) -> None:
    early, late = (
        decide(recording, decision, labels=LABELS, hop_s=HOP_S, early=early)
        for early in (True, False)
    )
    assert [event.time_s for event in early] == sorted(event.time_s for event in early)
    ends = [event.end_s for event in late]
    assert ends == sorted(ends)
    assert sorted((e.label, e.time_s, e.start_s) for e in early) == sorted(
        (e.label, e.time_s, e.start_s) for e in late
    )


@settings(deadline=None)
@given(recording=recordings, decision=decisions)
def test_nothing_fires_below_its_threshold_and_silence_is_kept(
    recording: np.ndarray, decision: Decision
) -> None:
    scores = smooth(recording, decision, hop_s=HOP_S)
    last: dict[str, float] = {}
    for event in decide(recording, decision, labels=LABELS, hop_s=HOP_S):
        column = scores[:, LABELS.index(event.label)]
        start, fired, _, end = frame_numbers([event])[0]
        threshold = decision.threshold_of(event.label)
        assert fired - start + 1 == decision.patience
        assert (column[start : fired + 1] >= threshold).all()
        assert (column[fired : end + 1] >= min(decision.release, threshold)).all()
        assert event.score == column[start : end + 1].max()
        if event.label in last:
            assert event.start_s - last[event.label] > decision.refractory_ms / 1000 - 1e-9
        last[event.label] = event.end_s


@settings(deadline=None)
@given(recording=recordings, decision=decisions)
def test_the_settings_survive_the_card(recording: np.ndarray, decision: Decision) -> None:
    again = Decision.from_point({"decision": decision.to_dict(), "false_alarms_per_hour": 1.0})
    assert again == decision


@pytest.mark.parametrize(
    ("settings_", "reason"),
    [
        ({"threshold": 0.0}, "above 0"),
        ({"threshold": 1.5}, "levels|at most 1"),
        ({"release": -0.1}, "above 0"),
        ({"thresholds": (("go", 0.0),)}, "above 0"),
        ({"patience": 0}, "patience"),
        ({"smoothing_ms": -1.0}, "smoothing_ms"),
        ({"refractory_ms": float("inf")}, "refractory_ms"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings_: dict[str, object], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        replace(Decision(), **settings_)  # type: ignore[arg-type]


def test_a_point_with_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(BundleError, match=r"operating_point\.decision\.pacience.*patience"):
        Decision.from_point({"decision": {"pacience": 3}})
    assert Decision.from_point(None) == Decision()


def test_a_threshold_of_no_label_is_refused() -> None:
    with pytest.raises(RecipeError, match="thresholds: halt is no label"):
        Decider(Decision(thresholds=(("halt", 0.5),)), labels=LABELS, hop_s=HOP_S)


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [
        (np.zeros((3, 2), np.float32), r"are \[3, 2\], want \[frames, 4\]"),
        (np.full((3, 4), np.nan, np.float32), "not a number"),
    ],
)
def test_probabilities_that_are_none_are_refused(probabilities: np.ndarray, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        Decider(Decision(), labels=LABELS, hop_s=HOP_S).push(probabilities)
