"""Live audio over a WebSocket, with the `websockets` library as the client and uvicorn as the server."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from serving.streams.rooms import (
    HIGH_MS,
    LOW_MS,
    PCM,
    QUIET,
    SOUND,
    chunks,
    detections,
    floats,
    is_empty,
    service,
    until,
    with_decision,
)
from sonant.audio import Clip, resample
from sonant.serving.streams import connection as connections
from sonant.serving.streams.websocket import format_of, model_of, websocket

Events = list[tuple[str, dict[str, Any]]]
WANTED = [("high", HIGH_MS), ("low", LOW_MS)]


class Http(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(room: Any) -> AsyncIterator[str]:
    """The address of the streams of a service."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await websocket(room, scope, receive, send)

    config = uvicorn.Config(app, lifespan="off", log_config=None, ws="websockets-sansio")
    server = Http(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}/v1/models/"
        server.should_exit = True
        await task


def talk(room: Any, conversation: Callable[[str], Any]) -> Any:
    """Run a conversation with a service, and see that nothing is left of it."""

    async def run() -> Any:
        async with asyncio.timeout(10), serving(room) as url:
            found = await conversation(url)
            await until(lambda: is_empty(room))
            return found

    return asyncio.run(run())


async def rest_of(client: ClientConnection) -> tuple[Events, int]:
    """All that the server still says, and the code it closes with."""
    events: Events = []
    try:
        async for text in client:
            event = json.loads(text)
            events.append((event["type"], event["data"]))
    except ConnectionClosed:
        """The code says it all."""
    return events, client.close_code or 0


def said(type: str, **data: Any) -> str:
    return json.dumps({"type": type, "data": data})


@pytest.fixture(scope="module")
def tuned(stream_bundle: Path) -> Path:
    return with_decision(stream_bundle)


@pytest.fixture
def room(tuned: Path) -> Iterator[Any]:
    with service(tuned) as found:
        yield found


def near(
    found: list[tuple[str, int]], wanted: list[tuple[str, int]], *, within_ms: int = 150
) -> bool:
    return [name for name, _ in found] == [name for name, _ in wanted] and all(
        0 < at - since < within_ms for (_, at), (_, since) in zip(found, wanted, strict=True)
    )


async def heard(url: str, *parts: str | bytes, path: str = "tones/stream") -> tuple[Events, int]:
    async with connect(url + path, compression=None) as client:
        for part in parts:
            await client.send(part)
        return await rest_of(client)


def test_the_server_introduces_itself_hears_and_says_goodbye(room: Any) -> None:
    events, code = talk(room, lambda url: heard(url, *chunks(PCM), '{"eof" : 1}'))
    (kind, info), *rest = events
    assert kind == "info"
    assert (info["model"], info["version"], info["rate"]) == ("tones", 3, 16_000)
    assert info["labels"] == ["high", "low", "mid", "_silence_"]
    assert info["keywords"] == ["high", "low", "mid"]
    assert (info["hop_ms"], info["step_ms"]) == (10, 20)
    assert info["settings"]["threshold"] == 0.5
    assert info["settings"]["refractory_frames"] == 20
    assert info["audio"] == {"rate": 16_000, "width": 2, "channels": 1, "format": "s16le"}
    assert info["bytes_per_stream"] > 0
    assert near(detections(rest), WANTED)
    first = rest[0][1]
    assert first["start"] <= first["timestamp"] == first["end"]
    assert first["score"] == first["context"]["score"] > 0.5
    assert first["speaker"] is None
    assert (len(rest), code) == (2, 1000)


@pytest.mark.parametrize(
    ("query", "start", "data"),
    [
        ("", {"rate": 48_000, "width": 2, "channels": 2}, "stereo"),
        ("?format=f32le", {}, "floats"),
        ("?format=f32le&rate=16000", None, "floats"),
        ("?rate=48000&channels=2", None, "stereo"),
        ("", {"format": "f32le"}, "floats"),
        ("", {}, "pcm"),
    ],
)
def test_any_format_tells_the_same(room: Any, query: str, start: Any, data: str) -> None:
    wide = np.repeat(resample(Clip(SOUND, 16_000), 48_000).samples, 2)
    sound = {
        "pcm": PCM,
        "floats": floats(SOUND),
        "stereo": np.round(wide * 32767).astype("<i2").tobytes(),
    }[data]
    begin = [] if start is None else [said("audio-start", **start)]
    parts = [*begin, *chunks(sound, 5001), said("audio-stop")]
    events, code = talk(room, lambda url: heard(url, *parts, path="tones/stream" + query))
    assert near(detections(events), WANTED)
    assert code == 1000


@pytest.mark.parametrize(
    "path", ["tones/versions/3/stream", "%74ones/stream", "tones/versions/03/stream"]
)
def test_a_version_may_be_named(room: Any, path: str) -> None:
    events, code = talk(room, lambda url: heard(url, said("audio-stop"), path=path))
    assert ([kind for kind, _ in events], code) == (["info", "not-detected"], 1000)


def test_paths_say_which_model() -> None:
    spec = model_of({"path": "/V1/models/a b/labels/c%2Fd/stream", "raw_path": b""})
    assert (spec.name, spec.version, spec.label) == ("a b", None, "c/d")
    assert model_of({"path": "", "raw_path": b"/v1/models/a%2Fb/stream?x"}).name == "a/b"
    assert format_of(b"format=s24le&format=f32le&x=1", rate_hz=8000).name == "f32le"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("foo/stream", "Servable not found"),
        ("tones/versions/9/stream", "Servable not found"),
        ("tones/stream?rate=1e4", "rate: '1e4' is not a whole number"),
        ("tones/stream?format=ogg", "format: 'ogg' is not one of"),
        ("tones1/stream", "does not hear streams"),
        ("a:b/stream", "Malformed request"),
    ],
)
def test_what_is_not_there_is_refused_by_name(tuned: Path, path: str, reason: str) -> None:
    with service(tuned, None) as room:
        events, code = talk(room, lambda url: heard(url, path=path))
    ((kind, data),) = events
    assert (kind, code) == ("error", 1008)
    assert reason in data["text"]


def test_settings_are_the_connections_own_and_may_change_on_the_way(room: Any) -> None:
    parts = [
        said("detect", threshold=0.9, refractory_ms=0, smoothing_ms=0, patience=2),
        *chunks(PCM[: 2 * 16_000]),
        said("detect", names=["mid"], partials=25),
        *chunks(PCM[2 * 16_000 :]),
        said("ping", text="there?"),
        said("audio-stop"),
    ]
    events, _ = talk(room, lambda url: heard(url, *parts))
    infos = [data["settings"] for kind, data in events if kind == "info"]
    assert [info["threshold"] for info in infos] == [0.5, 0.9, 0.5]
    assert [info["partials"] for info in infos] == [0, 0, 25]
    assert near(detections(events), WANTED[:1])
    assert ("pong", {"text": "there?"}) in events
    scores = [data for kind, data in events if kind == "scores"]
    assert scores
    assert all(len(score["scores"]) == 4 for score in scores)
    assert scores[0]["level_db"] < 0


def test_scores_and_voice_come_where_they_are_asked_for(room: Any) -> None:
    parts = [said("detect", partials=True, voice=True), *chunks(PCM), said("audio-stop")]

    async def slowly(url: str) -> tuple[Events, int]:
        async with connect(url + "tones/stream") as client:
            reading = asyncio.ensure_future(rest_of(client))
            for part in parts:
                await client.send(part)
                # Scores are for who is there to see them: give the reader his turn.
                await asyncio.sleep(0.001)
            return await reading

    events, _ = talk(room, slowly)
    scores = [data for kind, data in events if kind == "scores"]
    assert 20 <= len(scores) <= 30
    gaps = np.diff([score["timestamp"] for score in scores])
    assert set(gaps.tolist()) == {100}
    assert max(score["scores"][0] for score in scores) > 0.9
    voices = [(kind, data["timestamp"]) for kind, data in events if kind.startswith("voice")]
    assert [kind for kind, _ in voices] == ["voice-started", "voice-stopped"] * 2
    assert 600 < voices[0][1] < 900


def test_times_are_the_clients_where_it_has_any(room: Any) -> None:
    parts = [said("audio-start", timestamp=5000), PCM, said("audio-stop")]
    events, _ = talk(room, lambda url: heard(url, *parts))
    assert near(detections(events), [("high", 5000 + HIGH_MS), ("low", 5000 + LOW_MS)])


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("hello", "the message is not JSON"),
        ("[1]", "a text message is"),
        ('{"type": 1}', "a text message is"),
        ('{"type": "detect", "data": [1]}', "data: "),
        ('{"type": "transcribe"}', "type: 'transcribe' is not one of audio-chunk"),
        (said("detect", threshold=2), "detect: a threshold or release of"),
        (said("detect", threshold="high"), "threshold: 'high' is not a number"),
        (said("detect", patience=0), "patience: 0 frames"),
        (said("detect", names="high"), "names: 'high' is not a list"),
        (said("detect", names=["hi"]), "names: 'hi' is not one of high, low, mid"),
        (said("detect", thresholds={"hi": 0.5}), "thresholds: hi is no label"),
        (said("detect", thresholds=[0.5]), "thresholds: "),
        (said("detect", partials=-1), "partials: -1"),
        (said("detect", voice=1), "voice: 1"),
        (said("audio-start", rate=10), "rate: 10 Hz"),
        (said("audio-start", timestamp="now"), "timestamp: 'now' is not a number"),
    ],
)
def test_what_cannot_be_done_is_told_and_ends_it(room: Any, part: str, reason: str) -> None:
    events, code = talk(room, lambda url: heard(url, part))
    assert events[-1][0] == "error"
    assert reason in events[-1][1]["text"]
    assert code == 1008


def test_floats_that_are_none_end_it(room: Any) -> None:
    bad = np.array([0, np.nan], "<f4").tobytes()
    events, code = talk(room, lambda url: heard(url, bad, path="tones/stream?format=f32le"))
    assert (events[-1][1]["code"], code) == ("invalid-argument", 1008)


@pytest.mark.parametrize("part", [bytes(2**20 + 2), '"' + "a" * 70_000 + '"'])
def test_a_message_that_is_too_big_ends_it(room: Any, part: str | bytes) -> None:
    events, code = talk(room, lambda url: heard(url, part))
    assert (events[-1][1]["code"], code) == ("out-of-range", 1009)


def test_more_streams_than_may_be_are_told_to_come_again(tuned: Path) -> None:
    async def crowd(url: str) -> tuple[Events, int]:
        async with connect(url + "tones/stream") as first:
            await first.recv()
            return await heard(url)

    with service(tuned, max_streams=1) as room:
        events, code = talk(room, crowd)
    assert (events[0][1]["code"], code) == ("unavailable", 1013)


def test_whoever_says_nothing_is_not_kept(tuned: Path) -> None:
    with service(tuned, stream_idle_seconds=0.1) as room:
        events, code = talk(room, lambda url: heard(url))
    assert ([kind for kind, _ in events], code) == (["info"], 1008)


def test_when_the_server_goes_streams_end_with_what_was_said(room: Any) -> None:
    async def end(url: str) -> tuple[Events, int, int]:
        async with connect(url + "tones/stream") as client:
            await client.recv()
            await client.send(PCM[: 2 * 16_000])
            assert json.loads(await client.recv())["type"] == "detection"
            room.draining.set()
            await asyncio.gather(*(leave() for leave in list(room.live.values())))
            events, code = await rest_of(client)
            return events, code, (await heard(url))[1]

    assert talk(room, end) == ([], 1001, 1001)
    assert not room.live


def test_a_fault_of_the_server_is_told_as_one(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = room.catalog.models["tones"].servable.stream
    logged: list[str] = []

    class Broken:
        io_binding = graph.session.io_binding

        def run_with_iobinding(self, binding: object) -> None:
            raise RuntimeError("out of memory")

    def log(text: str, *, exc_info: Exception) -> None:
        logged.append(str(exc_info))

    monkeypatch.setattr(graph, "session", Broken())
    # The records that a test keeps would keep the hub, by the traceback.
    monkeypatch.setattr(connections.FAULTS, "error", log)
    events, code = talk(room, lambda url: heard(url, PCM))
    assert (events[-1], code) == (("error", {"text": "internal error", "code": "internal"}), 1011)
    assert ["out of memory" in line for line in logged] == [True]


def test_a_client_that_vanishes_leaves_nothing(room: Any) -> None:
    async def vanish(url: str) -> None:
        clients = [await connect(url + "tones/stream", compression=None) for _ in range(20)]
        for client in clients:
            await client.send(PCM[:9000])
        for client in clients:
            client.transport.abort()

    talk(room, vanish)


def test_two_hundred_connections_leave_no_rows(room: Any) -> None:
    async def one(url: str, number: int) -> int:
        parts = [*chunks(PCM[: 640 * (number % 7)]), '{"eof" : 1}'][: 8 if number % 3 else 3]
        async with connect(url + "tones/stream", compression=None) as client:
            for part in parts:
                await client.send(part)
            if number % 2:
                return 0
            await client.close()
        return 1

    async def many(url: str) -> None:
        for start in range(0, 200, 40):
            await asyncio.gather(*(one(url, start + number) for number in range(40)))

    talk(room, many)
    assert room.metrics.streams == 0


def test_garbage_never_ends_the_server(room: Any) -> None:
    dice = random.Random(0)

    def part() -> str | bytes:
        kind = dice.choice(["audio-start", "audio-stop", "detect", "ping", "audio-chunk", "info"])
        value = dice.choice([None, -1, 0, 1, 2.5, 1e300, "x", [], {}, [["x"]], 16_000, True])
        key = dice.choice(
            ["rate", "width", "channels", "threshold", "names", "timestamp", "partials"]
        )
        return dice.choice(
            [
                dice.randbytes(dice.randrange(2000)),
                said(kind, **{key: value}),
                json.dumps({"type": kind, "data": value}),
                json.dumps(value),
            ]
        )

    async def babble(url: str) -> None:
        async with connect(url + "tones/stream", compression=None) as client:
            try:
                for _ in range(dice.randrange(1, 8)):
                    await client.send(part())
            except ConnectionClosed:
                return
            await client.close()

    async def crowd(url: str) -> tuple[Events, int]:
        for _ in range(10):
            await asyncio.gather(*(babble(url) for _ in range(10)))
        return await heard(url, *chunks(PCM), said("audio-stop"))

    events, code = talk(room, crowd)
    assert near(detections(events), WANTED)
    assert code == 1000


def test_a_stream_ends_on_the_version_that_it_began_on(tuned: Path) -> None:
    async def swap(url: str) -> tuple[Events, int]:
        old = room.catalog.models["tones"]
        async with connect(url + "tones/stream") as client:
            await client.recv()
            await client.send(PCM[: 2 * 16_000])
            room.catalog.models["tones"] = room.catalog.models.pop("tones1")
            left = asyncio.ensure_future(old.left())
            await client.send(PCM[2 * 16_000 :])
            await client.send(said("audio-stop"))
            found = await rest_of(client)
        await left
        return found

    with service(tuned, tuned) as room:
        events, code = talk(room, swap)
    assert near(detections(events), WANTED)
    assert {data["context"]["model"] for kind, data in events if kind == "detection"} == {"tones"}
    assert code == 1000


def test_silence_is_no_detection(room: Any) -> None:
    events, _ = talk(room, lambda url: heard(url, QUIET, said("audio-stop")))
    assert [kind for kind, _ in events] == ["info", "not-detected"]
