"""Clips asked in three ways: whole, as a stream reset before each, as one stream that is never reset."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from sonant.audio import Samples
from sonant.errors import AudioError
from sonant.events import OnEvent, Working
from sonant.manifest import Item
from sonant.runtime.reading import read_clips
from sonant.runtime.session import Probabilities, StreamGraph
from sonant.scoring import Report, Scored, score
from sonant.tally import Form

TOGETHER: Final = 32
"""Clips that are asked in one run; more gain nothing."""


def compare(graph: StreamGraph, whole: Report, *, seed: int, on_event: OnEvent) -> tuple[Form, ...]:
    """The clips of a whole-clip report asked again of its step graph.

    Clips that could not be read then are left out; raises `AudioError` for one that is gone since.
    """
    rows = [row for row in whole.scored if not row.error]
    places = range(len(rows))
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    reset = _asked(graph, rows, places, together=True, on_event=on_event)
    never = _asked(graph, rows, order, together=False, on_event=on_event)
    return (
        Form(name="whole clips", report=whole),
        _form("stream, reset before each clip", rows, reset, whole),
        _form("stream, never reset", rows, never, whole),
    )


def reset_answers(graph: StreamGraph, clips: Iterable[Samples]) -> Iterator[Probabilities]:
    """The last answer about each clip, [labels], by a stream that begins with it.

    A clip that is no whole number of hops gets the silence it lacks in front, as in training.
    """
    hop, delay, step = graph.stream.hop, graph.stream.delay, graph.step_hops or 1
    sessions = [graph.open() for _ in range(TOGETHER)]
    source = iter(clips)
    while group := list(islice(source, TOGETHER)):
        chunks, frames = [], []
        for clip in group:
            lead = -(len(clip) + delay) % hop
            hops = (lead + len(clip) + delay) // hop
            tail = delay + -hops % step * hop  # a graph of several hops a step wants them all
            chunks.append(np.pad(clip, (lead, tail)))
            frames.append(hops - 1)
        used = sessions[: len(group)]
        for session in used:
            session.reset()
        for answers, frame in zip(graph.step(used, chunks), frames, strict=True):
            yield answers[frame]


def running_answers(graph: StreamGraph, clips: Iterable[Samples]) -> Iterator[Probabilities]:
    """An answer about each clip, [labels], by one stream that hears them one after the other.

    It is that of the last frame at or before the clip's end and the stream's delay.
    """
    hop, delay = graph.stream.hop, graph.stream.delay
    session = graph.open()
    wanted: deque[int] = deque()
    past, heard, last = 0, 0, np.zeros(len(graph.card.labels), np.float32)

    def told(answers: Probabilities) -> Iterator[Probabilities]:
        nonlocal past, last
        while wanted and wanted[0] < past + len(answers):
            frame = wanted.popleft() - past
            yield answers[frame] if frame >= 0 else last
        past += len(answers)
        last = answers[-1] if len(answers) else last

    for clip in clips:
        heard += len(clip)
        wanted.append(max(0, (heard + delay) // hop - 1))
        yield from told(session.push(clip))
    yield from told(session.finish())


def _asked(
    graph: StreamGraph,
    rows: Sequence[Scored],
    order: Sequence[int],
    *,
    together: bool,
    on_event: OnEvent,
) -> dict[int, Probabilities]:
    """Number of the row -> the answer to it."""
    answer = reset_answers if together else running_answers
    what = f"streaming clips, {'reset' if together else 'never reset'}"
    found: dict[int, Probabilities] = {}
    clips = _samples(graph, [rows[place] for place in order])
    for place, shares in zip(order, answer(graph, clips), strict=True):
        found[place] = shares
        on_event(Working(what=what, done=len(found), total=len(rows)))
    return found


def _samples(graph: StreamGraph, rows: Sequence[Scored]) -> Iterator[Samples]:
    for read in read_clips((item_of(row) for row in rows), graph.card.audio):
        if read.samples is None:
            raise AudioError(read.error)
        yield read.samples


def item_of(row: Scored) -> Item:
    """The clip that a row is about."""
    return Item(
        path=Path(row.path),
        label=row.label,
        speaker=row.speaker,
        start_s=row.start_s,
        end_s=row.end_s,
        gain=row.gain,
    )


def _form(
    name: str, rows: Sequence[Scored], answers: dict[int, Probabilities], whole: Report
) -> Form:
    again = []
    for place, row in enumerate(rows):
        shares = answers[place]
        best = int(shares.argmax())
        again.append(
            replace(
                row,
                predicted=whole.labels[best],
                probability=float(shares[best]),
                probabilities=shares,
            )
        )
    report = score(
        again,
        labels=whole.labels,
        bundle=whole.bundle,
        data=whole.data,
        split=whole.split,
        parameters=whole.parameters,
        macs_per_second=whole.macs_per_second,
        bundle_bytes=whole.bundle_bytes,
        ms_per_clip=0.0,
    )
    return Form(
        name=name,
        report=report,
        differing=sum(a.predicted != b.predicted for a, b in zip(again, rows, strict=True)),
        points=100 * (report.accuracy - whole.accuracy),
    )
