"""Deciding on what matters, and laying the rest aside, tells the same as deciding on everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.card import Card
from sonant.runtime.decision import Decider, Decision, Event
from sonant.runtime.session import StreamGraph
from sonant.serving.streams.ear import Watch
from tone_stream import LABELS


@pytest.fixture(scope="module")
def graph(stream_bundle: Path) -> StreamGraph:
    return StreamGraph(Card.read(stream_bundle))


def bursts(seed: int, frames: int) -> np.ndarray:
    """Probabilities [frames, labels]: silence, with sound of some label here and there."""
    draw = np.random.default_rng(seed)
    logits = np.zeros((frames, len(LABELS)))
    logits[:, -1] = 4
    for _ in range(frames // 60):
        at, length = draw.integers(0, frames), draw.integers(1, 40)
        logits[at : at + length, draw.integers(0, 3)] += draw.uniform(2, 9)
    shares = np.exp(logits + draw.normal(0, 0.5, logits.shape))
    return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=8),
    smoothing_ms=st.sampled_from([0.0, 30.0, 200.0]),
    patience=st.integers(1, 4),
    release=st.sampled_from([0.2, 0.5, 1.0]),
)
def test_events_are_those_of_the_decider_at_the_same_frames(
    graph: StreamGraph,
    seed: int,
    sizes: list[int],
    smoothing_ms: float,
    patience: int,
    release: float,
) -> None:
    decision = Decision(
        threshold=0.5,
        thresholds=(("low", 0.3),),
        release=release,
        smoothing_ms=smoothing_ms,
        patience=patience,
        refractory_ms=100.0,
    )
    answers = bursts(seed, 1500)
    watch = Watch(graph, decision)
    plain = Decider(decision, labels=LABELS, hop_s=graph.hop_s, first_s=graph.first_s)
    at = number = 0
    told: list[Event] = []
    while at < len(answers):
        block = answers[at : at + sizes[number % len(sizes)]]
        events = watch.push(block, float(block[:, :3].max()))
        assert events == plain.push(block)
        told += events
        at, number = at + len(block), number + 1
    assert plain.frames == 1500


def test_hardly_anything_is_decided_in_silence(
    graph: StreamGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(graph, Decision())
    calls = []
    push = watch._decider.push
    monkeypatch.setattr(
        watch._decider, "push", lambda block: calls.append(len(block)) or push(block)
    )
    silence = np.tile(np.array([0, 0, 0, 1], np.float32), (2, 1))
    for _ in range(320):
        watch.push(silence, 0.0)
    assert calls == [128] * 4


def test_a_watch_that_begins_later_tells_the_time_of_the_stream(graph: StreamGraph) -> None:
    watch = Watch(graph, Decision(), after=100)
    loud = np.array([[1, 0, 0, 0]], np.float32)
    (event,) = watch.push(loud, 1.0)
    assert event.time_s == pytest.approx(graph.first_s + 100 * graph.hop_s)
