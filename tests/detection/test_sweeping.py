"""Many decisions at once, in bounded memory: the same events as of the whole recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import HOP_S, LABELS, decisions, recordings
from sonant.detection import sweeping
from sonant.detection.sweeping import Smoother, Sweeper, grid
from sonant.runtime.decision import Decision, smooth
from sonant.runtime.sweep import at_threshold, decide

LEVELS = (0.2, 0.5, 0.9)


def swept(recording: np.ndarray, decision: Decision, *, cuts: list[int]) -> Sweeper:
    several = [at_threshold(decision, level) for level in LEVELS]
    sweeper = Sweeper(several, labels=LABELS, hop_s=HOP_S, first_s=0.3)
    for block in np.split(recording, sorted(cuts)):
        sweeper.push(block)
    sweeper.finish()
    return sweeper


@settings(deadline=None, max_examples=200)
@given(recording=recordings, decision=decisions, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_the_events_of_a_stream_are_those_of_the_whole_recording(
    recording: np.ndarray, decision: Decision, cuts: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "CUT_S", 2 * HOP_S)  # cut wherever it is allowed at all
        sweeper = swept(recording, decision, cuts=[min(cut, len(recording)) for cut in cuts])
    for level, told in zip(LEVELS, sweeper.events, strict=True):
        wanted = decide(
            recording, at_threshold(decision, level), labels=LABELS, hop_s=HOP_S, first_s=0.3
        )
        assert [event.label for event in told] == [event.label for event in wanted]
        for one, other in zip(told, wanted, strict=True):
            assert one.time_s == pytest.approx(other.time_s)
            assert one.end_s == pytest.approx(other.end_s)
            assert one.score == other.score


def test_hours_of_silence_are_forgotten() -> None:
    sweeper = Sweeper([Decision(refractory_ms=500)], labels=LABELS, hop_s=HOP_S, first_s=0.0)
    quiet = np.zeros((1000, len(LABELS)), np.float32)
    most = 0
    for _ in range(200):
        sweeper.push(quiet)
        most = max(most, sweeper.held)
    assert most <= sweeping.CUT_S / HOP_S + len(quiet)


def test_a_burst_is_never_cut_in_two() -> None:
    loud = np.zeros((20_000, len(LABELS)), np.float32)
    loud[:, 1] = 0.95
    sweeper = swept(loud, Decision(background=()), cuts=list(range(500, 20_000, 500)))
    assert [len(events) for events in sweeper.events] == [1, 1, 1]


@given(recording=recordings, span=st.sampled_from([0, 20, 50]), cut=st.integers(0, 30))
def test_scores_do_not_depend_on_blocks(recording: np.ndarray, span: int, cut: int) -> None:
    decision = replace(Decision(), smoothing_ms=span)
    smoother = Smoother(decision, hop_s=HOP_S)
    parts = [smoother.push(part) for part in np.split(recording, [min(cut, len(recording))])]
    wanted = smooth(recording, decision, hop_s=HOP_S)
    np.testing.assert_array_equal(np.concatenate(parts), wanted)


def test_the_grid_rises_to_one_and_is_densest_at_its_end() -> None:
    levels = np.array(grid())
    assert (np.diff(levels) > 0).all()
    assert levels[0] < 0.05
    assert levels[-1] == 1.0
    assert np.diff(levels[-5:-1]).max() < 1e-3
