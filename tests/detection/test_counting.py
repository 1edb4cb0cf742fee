"""Known bursts give known false alarms an hour, rejects and latencies."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ
from sonant.alarms import Occurrence
from sonant.card import Card
from sonant.detection.counting import Asked, Sound, condition, count
from sonant.listening.sources import from_file
from sonant.runtime.decision import Decision
from sonant.runtime.session import StreamGraph
from tone_stream import DELAY, HOP, LABELS, MEAN, spoken

BASE = Decision(threshold=0.9, release=0.4)
ASKED = Asked(decisions=(Decision(threshold=0.5, release=0.4), Decision(threshold=1.0), BASE))
SECONDS = 0.5


def sound(*labels: str, said: tuple[Occurrence, ...] = (), name: str = "a") -> Sound:
    samples = spoken(*labels, seconds=SECONDS)
    return Sound(
        name=name, open=lambda: nullcontext([samples[:777], samples[777:]]), occurrences=said
    )


def at(label: str, place: int) -> Occurrence:
    return Occurrence(label=label, start_s=place * SECONDS, end_s=(place + 1) * SECONDS)


@pytest.fixture(scope="module")
def graph(stream_bundle: Path) -> StreamGraph:
    return StreamGraph(Card.read(stream_bundle))


def test_what_nobody_said_is_a_false_alarm_and_what_nobody_heard_a_reject(
    graph: StreamGraph,
) -> None:
    heard = sound("_silence_", "high", "_silence_", "low", "_silence_", said=(at("high", 1),))
    silent = sound("_silence_", "_silence_", said=(at("mid", 0),), name="b")
    counts = count([heard, silent], graph, ASKED)
    assert counts.recordings == 2
    assert counts.hours == pytest.approx(7 * SECONDS / 3600)
    found = condition(counts, ASKED, name="two", labels=LABELS)
    assert found.at.threshold == 0.9
    assert found.at.false_alarms.count == 1
    assert found.at.false_alarms.per_hour == pytest.approx(3600 / (7 * SECONDS))
    assert (found.at.false_rejects.count, found.at.false_rejects.of) == (1, 2)
    words = {word.label: word for word in found.words}
    assert set(words) == {"high", "low", "mid"}
    assert words["low"].false_alarms.count == 1
    assert words["high"].false_rejects.share == 0.0
    assert words["mid"].false_rejects.share == 1.0


def test_a_curve_has_every_decision_but_the_one_reported_on(graph: StreamGraph) -> None:
    counts = count([sound("high", "_silence_", said=(at("high", 0),))], graph, ASKED)
    found = condition(counts, ASKED, name="curve", labels=LABELS)
    assert [point.threshold for point in found.curve] == [0.5, 1.0]
    assert [point.false_rejects.share for point in found.curve] == [0.0, 1.0]


def test_latency_is_from_the_occurrence_to_the_moment_a_listener_knows(
    graph: StreamGraph,
) -> None:
    counts = count([sound("_silence_", "high", "_silence_", said=(at("high", 1),))], graph, ASKED)
    found = condition(counts, ASKED, name="late", labels=LABELS)
    assert found.latency is not None
    # A score of 0.9 takes more than half of the frames that are averaged, each one hop.
    middle, late = found.latency.after_start_s
    assert middle == late
    assert MEAN // 2 * HOP / RATE_HZ < middle < (MEAN + 1) * HOP / RATE_HZ + (DELAY + 400) / RATE_HZ
    assert found.latency.after_end_s[0] == pytest.approx(middle - SECONDS)


def test_the_number_of_threads_changes_nothing(graph: StreamGraph) -> None:
    sounds = [sound("low", "_silence_", said=(at("low", 0),), name=str(n)) for n in range(7)]
    told: list[str] = []
    one = count(sounds, graph, ASKED, workers=1)
    many = count(sounds, graph, ASKED, workers=3, on_done=lambda each: told.append(each.name))
    np.testing.assert_array_equal(one.hits, many.hits)
    assert one.latencies == many.latencies
    assert told == [str(n) for n in range(7)]


def test_a_recording_that_cannot_be_read_is_named_and_counted_nowhere(
    graph: StreamGraph, tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    bad = Sound(
        name="bad.wav",
        open=lambda: _opened(tmp_path / "bad.wav"),  # type: ignore[arg-type,return-value]
        occurrences=(at("low", 0),),
    )
    counts = count([bad, sound("low")], graph, ASKED)
    assert counts.recordings == 1
    assert counts.occurrences.sum() == 0
    assert len(counts.unreadable) == 1
    assert "bad.wav" in counts.unreadable[0]


def _opened(path: Path) -> object:
    with from_file(path) as source:
        return nullcontext(list(source.blocks))


def test_nothing_heard_has_no_latency(graph: StreamGraph) -> None:
    counts = count([sound("_silence_", said=(at("low", 0),))], graph, ASKED)
    assert condition(counts, ASKED, name="none", labels=LABELS).latency is None
