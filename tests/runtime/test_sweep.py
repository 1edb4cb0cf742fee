"""Whole recordings are decided as a stream is, at any number of thresholds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import HOP_S, LABELS, decisions, recordings
from sonant.runtime.decision import Decider, Decision, smooth
from sonant.runtime.sweep import at_threshold, count_events, decide, decide_scores

THRESHOLDS = (0.1, 0.3, 0.5, 0.55, 0.6, 0.9, 1.0)


@settings(deadline=None, max_examples=300)
@given(recording=recordings, decision=decisions, early=st.booleans())
def test_a_recording_is_decided_as_a_stream_is(
    recording: np.ndarray, decision: Decision, early: bool
) -> None:
    decider = Decider(decision, labels=LABELS, hop_s=HOP_S, first_s=0.3, early=early)
    wanted = decider.push(recording) + decider.finish()
    assert (
        decide(recording, decision, labels=LABELS, hop_s=HOP_S, first_s=0.3, early=early) == wanted
    )


@settings(deadline=None)
@given(recording=recordings, decision=decisions)
def test_events_are_counted_at_every_threshold(recording: np.ndarray, decision: Decision) -> None:
    counts = count_events(recording, THRESHOLDS, decision, labels=LABELS, hop_s=HOP_S)
    scores = smooth(recording, decision, hop_s=HOP_S)
    for row, threshold in enumerate(THRESHOLDS):
        events = decide_scores(
            scores, at_threshold(decision, threshold), labels=LABELS, hop_s=HOP_S
        )
        told = [sum(event.label == label for event in events) for label in LABELS]
        assert counts[row].tolist() == told


@settings(deadline=None, max_examples=300)
@given(recording=recordings, decision=decisions, release=st.sampled_from([0.1, 0.3]))
def test_from_the_release_upwards_a_higher_threshold_never_gives_more(
    recording: np.ndarray, decision: Decision, release: float
) -> None:
    held = replace(decision, release=release)
    counts = count_events(recording, THRESHOLDS[1:], held, labels=LABELS, hop_s=HOP_S)
    assert (np.diff(counts, axis=0) <= 0).all()


def test_a_recording_of_nothing_has_no_events() -> None:
    nothing = np.zeros((0, len(LABELS)), np.float32)
    assert decide(nothing, Decision(smoothing_ms=100), labels=LABELS, hop_s=HOP_S) == []
    assert not count_events(nothing, THRESHOLDS, Decision(), labels=LABELS, hop_s=HOP_S).any()
    assert count_events(nothing, (), Decision(), labels=LABELS, hop_s=HOP_S).shape == (0, 4)
