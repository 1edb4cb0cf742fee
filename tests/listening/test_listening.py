"""A bundle that listens tells what it hears, when, and once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from sonant.audio import Clip, resample
from sonant.card import Card
from sonant.card.revision import revise
from sonant.errors import AudioError, BundleError
from sonant.listening import UNTUNED, Frames, Listener, decision_of, is_tuned, level_db
from sonant.listening.sources import Source, from_file
from sonant.runtime.decision import Decision, Event
from tone_stream import LABELS, spoken

SAID = ("_silence_", "high", "_silence_", "low", "_silence_", "mid", "_silence_")
SOUND = spoken(*SAID, seconds=0.6)
WHEN_S = {"high": 0.6, "low": 1.8, "mid": 3.0}


@pytest.fixture(scope="module")
def listener(stream_bundle: Path) -> Listener:
    return Listener.load(stream_bundle)


def source(sound: np.ndarray, *, rate_hz: int = RATE_HZ, size: int = 777) -> Source:
    blocks = (sound[at : at + size] for at in range(0, len(sound), size))
    return Source(name="a test", rate_hz=rate_hz, blocks=blocks)


def events_in(listener: Listener, heard: Source) -> list[Event]:
    events: list[Event] = []
    listener.listen(heard, on_event=events.append)
    return events


def test_each_tone_is_one_event_soon_after_it_began(listener: Listener) -> None:
    events = events_in(listener, source(SOUND))
    assert [event.label for event in events] == list(WHEN_S)
    for event in events:
        assert 0 < event.time_s - WHEN_S[event.label] < 0.2


@pytest.mark.parametrize("size", [1, 160, 100_000])
def test_blocks_do_not_matter(listener: Listener, size: int) -> None:
    sound = SOUND[: 4000 * (4 if size == 1 else 100)]
    found = events_in(listener, source(sound, size=size))
    wanted = events_in(listener, source(sound))
    assert [(e.label, e.time_s) for e in found] == [(e.label, e.time_s) for e in wanted]
    assert [e.score for e in found] == pytest.approx([e.score for e in wanted], abs=1e-5)


def test_another_rate_tells_the_same_at_the_same_time(listener: Listener) -> None:
    wide = resample(Clip(SOUND, RATE_HZ), 44_100).samples
    events = events_in(listener, source(wide, rate_hz=44_100))
    assert [event.label for event in events] == list(WHEN_S)
    for event, same in zip(events, events_in(listener, source(SOUND)), strict=True):
        assert event.time_s == pytest.approx(same.time_s, abs=0.021)


def test_a_file_is_heard_to_its_end(listener: Listener, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", SOUND, RATE_HZ)
    events: list[Event] = []
    with from_file(tmp_path / "a.wav") as file:
        heard = listener.listen(file, on_event=events.append)
    assert heard.seconds == pytest.approx(len(SOUND) / RATE_HZ)
    assert (heard.events, heard.count, heard.stopped) == (dict.fromkeys(WHEN_S, 1), 3, False)
    assert len(events) == 3


def test_every_answer_can_be_watched(listener: Listener) -> None:
    seen: list[Frames] = []
    listener.listen(source(SOUND), on_event=lambda _: None, on_frames=seen.append)
    rows = np.concatenate([frames.probabilities for frames in seen])
    assert len(rows) == len(SOUND) // 160 + 1
    times = [frames.first_s for frames in seen if len(frames.probabilities)]
    assert times == sorted(times)
    assert times[0] == pytest.approx(listener.graph.first_s)
    loud = max(seen, key=lambda frames: frames.level_db)
    assert loud.level_db == pytest.approx(-23.0, abs=0.5)
    best = {LABELS[row.argmax()] for row in rows}
    assert best == set(LABELS)


def test_ctrl_c_ends_with_what_was_heard(listener: Listener) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield SOUND[:16_000]
        raise KeyboardInterrupt

    stopping = Source(name="a test", rate_hz=RATE_HZ, blocks=blocks())
    heard = listener.listen(stopping, on_event=lambda _: None)
    assert (heard.seconds, heard.stopped, heard.events) == (1.0, True, {"high": 1})


def test_what_is_no_number_is_an_error_with_its_place(listener: Listener) -> None:
    broken = SOUND.copy()
    broken[32_001] = np.nan
    with pytest.raises(AudioError, match=r"a test, at 2\.0 s: .*not numbers"):
        listener.listen(source(broken, size=16_000), on_event=lambda _: None)
    assert len(events_in(listener, source(SOUND))) == 3


def test_the_operating_point_decides(stream_bundle: Path) -> None:
    card = Card.read(stream_bundle)
    assert not is_tuned(card)
    assert decision_of(card) == UNTUNED
    strict = Decision(threshold=0.9, thresholds=(("mid", 1.0),), smoothing_ms=50.0)
    tuned = Card.read(
        revise(card, files={}, changes={"operating_point": {"decision": strict.to_dict()}})
    )
    assert decision_of(tuned) == strict
    assert {event.label for event in events_in(Listener(tuned), source(SOUND))} == {"high", "low"}
    loose = Listener.load(tuned.path, threshold=0.9)
    assert {event.label for event in events_in(loose, source(SOUND))} == set(WHEN_S)


def test_a_bundle_that_does_not_stream_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="no step graph"):
        Listener.load(tiny_bundle)


def test_the_level_is_against_full_scale() -> None:
    assert level_db(np.ones(10, np.float32)) == pytest.approx(0)
    assert level_db(np.full(10, 0.1, np.float32)) == pytest.approx(-20, abs=1e-4)
    assert level_db(np.zeros(10, np.float32)) == level_db(np.zeros(0, np.float32)) == -90
