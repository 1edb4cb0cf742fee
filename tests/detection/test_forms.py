"""Clips asked whole, as a stream that begins with each, and as one stream that never ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundles import write_tone
from results import report_of, row, unreadable
from sonant.card import Card
from sonant.detection.forms import TOGETHER, compare, reset_answers, running_answers
from sonant.errors import AudioError
from sonant.events import Event, Working
from sonant.runtime.session import StreamGraph
from tone_stream import DELAY, HOP, LABELS, spoken, whole, write_stream

CLIPS = [spoken("high"), spoken("low"), spoken("_silence_"), spoken("mid", seconds=0.4)]


@pytest.fixture(scope="module")
def graph(stream_bundle: Path) -> StreamGraph:
    return StreamGraph(Card.read(stream_bundle))


def test_a_reset_stream_answers_as_the_network_does_after_the_clip(graph: StreamGraph) -> None:
    found = np.stack(list(reset_answers(graph, CLIPS)))
    wanted = [whole(np.pad(clip, (-(len(clip) + DELAY) % HOP, DELAY)))[-1] for clip in CLIPS]
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-5)


def test_silence_that_fills_a_hop_stands_in_front(graph: StreamGraph) -> None:
    clip = spoken("high")[:-37]
    (found,) = reset_answers(graph, [clip])
    lead = -(len(clip) + DELAY) % HOP
    assert lead
    padded = np.concatenate([np.zeros(lead, np.float32), clip, np.zeros(DELAY, np.float32)])
    np.testing.assert_allclose(found, whole(padded)[-1], atol=1e-5)


def test_there_may_be_more_clips_than_run_together(graph: StreamGraph) -> None:
    found = list(reset_answers(graph, CLIPS * TOGETHER))
    assert len(found) == len(CLIPS) * TOGETHER
    np.testing.assert_allclose(found[-4:], found[:4], atol=1e-5)


def test_a_graph_of_several_hops_a_step_gives_the_same(graph: StreamGraph, tmp_path: Path) -> None:
    stiff = StreamGraph(Card.read(write_stream(tmp_path, hops=3)))
    clips = [*CLIPS, spoken("low")[:-99]]
    for answers in (reset_answers, running_answers):
        found, wanted = list(answers(stiff, clips)), list(answers(graph, clips))
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_stream_that_is_never_reset_answers_at_the_end_of_every_clip(graph: StreamGraph) -> None:
    clips = [clip[: len(clip) - 50 * n] for n, clip in enumerate(CLIPS)]
    sound = np.concatenate([*clips, np.zeros(HOP + DELAY, np.float32)])
    frames = whole(sound)
    ends = np.cumsum([len(clip) for clip in clips])
    wanted = [frames[(end + DELAY) // HOP - 1] for end in ends]
    found = list(running_answers(graph, clips))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert [LABELS[answer.argmax()] for answer in found] == ["high", "low", "_silence_", "mid"]


def test_clips_shorter_than_a_hop_still_get_an_answer_each(graph: StreamGraph) -> None:
    clips = [np.zeros(30, np.float32)] * 9
    assert len(list(running_answers(graph, clips))) == 9


def test_the_forms_are_compared_clip_by_clip(graph: StreamGraph, tmp_path: Path) -> None:
    rows = [
        row(label, "high", path=str(write_tone(tmp_path / f"{n}.wav", label)), labels=LABELS)
        for n, label in enumerate(("high", "low", "mid", "high"))
    ]
    report = report_of(
        [*rows, replace(unreadable("x.wav", error="gone"), label="low")], labels=LABELS
    )
    told: list[Event] = []
    plain, reset, never = compare(graph, report, seed=1, on_event=told.append)
    assert plain.report is report
    assert plain.report.accuracy == 0.5
    for form in (reset, never):
        assert form.report.accuracy == 1.0
        assert form.points == 50.0
        assert form.differing == 2
        assert [one.label for one in form.report.scored] == ["high", "low", "mid", "high"]
    assert told[-1] == Working(what="streaming clips, never reset", done=4, total=4)


def test_a_clip_that_is_gone_since_is_named(graph: StreamGraph, tmp_path: Path) -> None:
    report = report_of(
        [row("low", "low", path=str(tmp_path / "a.wav"), labels=LABELS)], labels=LABELS
    )
    with pytest.raises(AudioError, match=r"a\.wav"):
        compare(graph, report, seed=0, on_event=lambda event: None)
