"""Detections say whose voice it was: on a WebSocket, over Wyoming, and never at the stream's expense."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

from serving.streams import test_websocket as web
from serving.streams import test_wyoming as wyoming
from serving.streams.rooms import PCM, SOUND, chunks, floats, service, until, with_decision
from serving.voiced import clip, loud_is_speech, write_calibrated
from sonant.audio import Clip, Samples, resample, to_pcm16
from sonant.serving.speaker_bundles import SpeakerServable
from sonant.serving.streams import recent, whose
from sonant.serving.tensors import Tensors
from sonant.speakers import gates
from sonant.speakers.model import SpeakerModel
from sonant.speakers.store import SpeakerStore
from voice_bundle import write_voices

ANN = (SOUND + np.float32(0.3)).astype(np.float32)
"""The tones, in the voice of `voiced`: as far from zero as Ann."""
BOB = (SOUND - np.float32(0.3)).astype(np.float32)


@pytest.fixture(scope="module")
def tuned(stream_bundle: Path) -> Path:
    return with_decision(stream_bundle)


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_calibrated(tmp_path_factory.mktemp("voices"))


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "measure", loud_is_speech)
    # A busy machine is no reason for another answer here.
    monkeypatch.setattr(whose, "WAIT_S", 9.0)
    monkeypatch.setattr(whose, "LATEST_S", 9.0)


@pytest.fixture
def store(tmp_path: Path, voices: Path) -> Iterator[SpeakerStore]:
    """Ann is enrolled, and Bob is not."""
    with SpeakerStore(tmp_path / "speakers.db") as opened:
        SpeakerModel.load(voices).enroll(opened, "Ann", [clip("ann", seed=n) for n in range(3)])
        yield opened


@pytest.fixture
def room(tuned: Path, voices: Path, store: SpeakerStore) -> Iterator[Any]:
    with service(tuned, voices=voices, store=store, wyoming_port=0) as found:
        yield found


def pcm(sound: Samples) -> bytes:
    return to_pcm16(sound).astype("<i2").tobytes()


def told(room: Any, *parts: str | bytes, path: str = "tones/stream") -> web.Events:
    """All that is said to a WebSocket but `info`."""
    events, code = web.talk(room, lambda url: web.heard(url, *parts, '{"eof" : 1}', path=path))
    assert code == 1000
    return events[1:]


def by(room: Any, sound: Samples) -> list[dict[str, Any]]:
    """The detections in a sound."""
    return [data for kind, data in told(room, *chunks(pcm(sound))) if kind == "detection"]


def test_a_detection_says_who_spoke_and_how_sure_that_is(room: Any) -> None:
    found = by(room, ANN)
    assert len(found) == 2
    for one in found:
        assert one["speaker"] == "Ann"
        rests_on = one["context"]["speaker"]
        assert rests_on["decision"] == "known"
        assert rests_on["llr"] > 3
        assert 0.9 < rests_on["probability"] <= 1
        assert rests_on["reason"].startswith("the nearest is Ann with probability")


def test_a_stranger_is_nobody_known_with_the_reason(room: Any) -> None:
    (first, _) = by(room, BOB)
    assert first["speaker"] is None
    assert first["context"]["speaker"]["decision"] == "nobody known"
    assert first["context"]["speaker"]["llr"] < -3
    assert "the nearest is Ann" in first["context"]["speaker"]["reason"]


@pytest.mark.parametrize("form", ["floats", "another rate"])
def test_any_format_is_the_same_voice(room: Any, form: str) -> None:
    wide = resample(Clip(ANN, 16_000), 48_000).samples
    sound = floats(ANN) if form == "floats" else pcm(wide)
    query = "?format=f32le" if form == "floats" else "?rate=48000"
    events = told(room, *chunks(sound, 5001), path=f"tones/stream{query}")
    assert [data["speaker"] for _, data in events] == ["Ann", "Ann"]


def test_only_the_moments_before_count(room: Any) -> None:
    """Bob speaks first, and long; then Ann, and says the word."""
    long = np.concatenate([np.full(32_000, -0.3), np.full(16_000, 0.3), ANN]).astype(np.float32)
    assert [found["speaker"] for found in by(room, long)] == ["Ann", "Ann"]


@pytest.mark.parametrize(
    ("sound", "name", "decision"), [(ANN, "Ann", "known"), (BOB, None, "nobody known")]
)
def test_home_assistant_hears_the_name(
    room: Any, sound: Samples, name: str | None, decision: str
) -> None:
    found = wyoming.talk(room, lambda port: wyoming.detected(port, ["tones"], pcm(sound)))
    assert [(one.name, one.speaker) for one in found] == [("tones", name), ("tones", name)]
    assert found[0].context["speaker"]["decision"] == decision


def test_who_is_late_is_told_in_a_message_of_its_own(
    room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whose, "WAIT_S", 0.0)
    events = told(room, *chunks(pcm(ANN)))
    first = [data for kind, data in events if kind == "detection"]
    later = [data for kind, data in events if kind == "speaker"]
    assert [data["speaker"] for data in first] == [None, None]
    assert first[0]["context"]["speaker"]["reason"] == "it was not known within 150 ms"
    assert [data["speaker"] for data in later] == ["Ann", "Ann"]
    assert [(data["name"], data["timestamp"]) for data in later] == [
        (data["name"], data["timestamp"]) for data in first
    ]
    assert later[0]["decision"] == "known"


def test_wyoming_is_told_nothing_late(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whose, "WAIT_S", 0.0)

    async def types(port: int) -> list[str]:
        async with wyoming.AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(wyoming.Detect(names=["tones"]).event())
            await wyoming.say(client, pcm(ANN))
            await client.write_event(wyoming.Ping(text="over").event())
            return [event.type for event in await wyoming.events_of(client, "pong")]

    assert wyoming.talk(room, types) == ["detection", "detection", "pong"]


class Hanging:
    """In place of the speaker model's run: it does not come back until it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        run = SpeakerServable.run

        def hang(servable: SpeakerServable, signature: str, inputs: Tensors) -> Tensors:
            self.asked.set()
            assert self.go_on.wait(10)
            return run(servable, signature, inputs)

        monkeypatch.setattr(SpeakerServable, "run", hang)


def test_a_speaker_model_that_hangs_holds_up_neither_detections_nor_streams(
    room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whose, "WAIT_S", 0.05)
    model = Hanging(monkeypatch)

    async def talk(url: str) -> tuple[list[str | None], web.Events]:
        async with connect(url + "tones/stream", compression=None) as first:
            for chunk in chunks(pcm(ANN)):
                await first.send(chunk)
            names = []
            while len(names) < 2:
                event = json.loads(await first.recv())
                if event["type"] == "detection":
                    names.append(event["data"]["speaker"])
            assert model.asked.is_set()
            # Another stream is heard to its end meanwhile; it waits for its own speakers only.
            other = asyncio.create_task(web.heard(url, *chunks(pcm(BOB)), '{"eof" : 1}'))
            await asyncio.sleep(0)
            model.go_on.set()
            events, _ = await other
            return names, events

    names, events = web.talk(room, talk)
    assert names == [None, None]
    assert [kind for kind, _ in events].count("detection") == 2


def test_no_more_is_asked_than_may_be_and_every_detection_is_told(
    room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Hanging(monkeypatch)
    eager = web.said("detect", refractory_ms=0, smoothing_ms=0, patience=1)
    many = np.tile(ANN, 2)

    async def talk(url: str) -> web.Events:
        async with connect(url + "tones/stream", compression=None) as client:
            for part in (eager, *chunks(pcm(many)), '{"eof" : 1}'):
                await client.send(part)
            first = []
            while not first or first[-1]["type"] != "detection":
                first.append(json.loads(await client.recv()))
            model.go_on.set()
            rest, _ = await web.rest_of(client)
            return [*((one["type"], one["data"]) for one in first), *rest]

    found = [data for kind, data in web.talk(room, talk) if kind == "detection"]
    assert len(found) >= 4
    reasons = [data["context"]["speaker"]["reason"] for data in found]
    assert sum("still being asked for" in reason for reason in reasons) >= 1
    assert sum(data["speaker"] == "Ann" for data in found) >= recent.MOST_ASKED


def test_a_client_that_leaves_takes_its_questions_along(
    room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Hanging(monkeypatch)

    async def leave(url: str) -> None:
        async with connect(url + "tones/stream", compression=None) as client:
            for chunk in chunks(pcm(ANN)):
                await client.send(chunk)
            await until(model.asked.is_set)
        model.go_on.set()

    web.talk(room, leave)


def test_nobody_is_known_where_nobody_is_enrolled(
    tuned: Path, voices: Path, tmp_path: Path
) -> None:
    with (
        SpeakerStore(tmp_path / "empty.db") as store,
        service(tuned, voices=voices, store=store) as room,
    ):
        (found, _) = by(room, ANN)
    assert found["speaker"] is None
    assert found["context"]["speaker"]["decision"] == "nobody known"
    assert found["context"]["speaker"]["reason"] == "nobody is enrolled"


def test_without_the_model_of_the_store_the_reason_says_so(
    tuned: Path, store: SpeakerStore, tmp_path: Path
) -> None:
    other = write_voices(tmp_path / "other", norm=False)
    for bundle in (None, other):
        with service(tuned, voices=bundle, store=store) as room:
            (found, _) = by(room, ANN)
        assert found["speaker"] is None
        assert (
            "which the speakers were enrolled with, is not loaded"
            in (found["context"]["speaker"]["reason"])
        )


def test_an_uncalibrated_model_decides_nothing(tuned: Path, tmp_path: Path) -> None:
    bundle = write_voices(tmp_path)
    with SpeakerStore(tmp_path / "speakers.db") as store:
        SpeakerModel.load(bundle).enroll(store, "Ann", [clip("ann")])
        with service(tuned, voices=bundle, store=store) as room:
            (found, _) = by(room, ANN)
    assert (found["speaker"], found["context"]["speaker"]["llr"]) == (None, None)
    assert found["context"]["speaker"]["reason"].startswith("uncalibrated")


def test_a_store_or_a_model_that_fails_ends_no_stream(
    room: Any, store: SpeakerStore, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*_: object) -> Tensors:
        raise RuntimeError("no idea")

    monkeypatch.setattr(SpeakerServable, "run", fail)
    (found, _) = by(room, ANN)
    assert found["context"]["speaker"]["reason"] == (
        "the speaker model failed; the server's log says why"
    )
    store.close()
    (found, _) = by(room, ANN)
    assert "the speaker store does not answer" in found["context"]["speaker"]["reason"]
    assert "the speaker of a detection could not be asked for" in caplog.text


def test_what_is_kept_for_it_is_part_of_the_memory_that_is_told(
    tuned: Path, voices: Path, store: SpeakerStore
) -> None:
    def info(room: Any) -> int:
        events, _ = web.talk(room, lambda url: web.heard(url, '{"eof" : 1}'))
        size: int = events[0][1]["bytes_per_stream"]
        return size

    with service(tuned) as plain, service(tuned, voices=voices, store=store) as room:
        assert info(room) - info(plain) == recent.bytes_of(16_000)


def test_without_a_store_nothing_is_said_of_speakers(tuned: Path, voices: Path) -> None:
    with service(tuned, voices=voices) as room:
        (found, _) = [data for kind, data in told(room, *chunks(PCM)) if kind == "detection"]
    assert found["speaker"] is None
    assert "speaker" not in found["context"]
