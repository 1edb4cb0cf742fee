"""Scores for a moving picture: few, smoothed, and none of the peaks missed."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.runtime.decision import Decision
from sonant.serving.streams.meter import Meter


@pytest.mark.parametrize(("hz", "size", "told"), [(10, 2, 10), (10, 7, 10), (50, 2, 50), (1, 2, 1)])
def test_a_meter_tells_so_often_and_misses_no_peak(hz: float, size: int, told: int) -> None:
    meter = Meter(Decision(smoothing_ms=0), labels=4, hop_s=0.01, hz=hz)
    answers = np.random.default_rng(3).uniform(0, 0.9, (1000, 4)).astype(np.float32)
    answers[511, 1] = 1.0
    parts = [meter.push(answers[at : at + size]) for at in range(0, 1000, size)]
    scores = [part for part in parts if part is not None]
    assert told * 10 - 2 <= len(scores) <= told * 10
    assert max(row[1] for row in scores) == 1.0
    assert all(0 <= value <= 1 for row in scores for value in row)


def test_a_meter_smooths_as_the_decision_does() -> None:
    meter = Meter(Decision(smoothing_ms=50), labels=2, hop_s=0.01, hz=100)
    step = np.repeat(np.array([[0, 1], [1, 0]], np.float32), [20, 20], axis=0)
    scores = [meter.push(row[None]) for row in step]
    rising = [row[0] for row in scores[19:27] if row]
    assert rising == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1])
