"""Wyoming over TCP, with its own library as the client, as Home Assistant uses it."""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.streams.rooms import (
    HIGH_MS,
    LOW_MS,
    PCM,
    QUIET,
    chunks,
    is_empty,
    service,
    until,
    with_decision,
)
from sonant.errors import ServeError
from sonant.serving.streams.wyoming import WyomingServer

with warnings.catch_warnings():
    # Of audioop, which the library replaces where Python no longer has it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncTcpClient
    from wyoming.error import Error
    from wyoming.event import Event
    from wyoming.info import Describe, Info
    from wyoming.ping import Ping, Pong
    from wyoming.wake import Detect, Detection, NotDetected


@pytest.fixture(scope="module")
def tuned(stream_bundle: Path) -> Path:
    return with_decision(stream_bundle)


@pytest.fixture(scope="module")
def single(stream_bundle: Path, tuned: Path) -> Path:
    """A model of one keyword."""
    return with_decision(tuned, labels=("low",))


@pytest.fixture
def room(tuned: Path, single: Path) -> Iterator[Any]:
    """`tones` has three keywords, `tones1` has one, `tones2` does not stream."""
    with service(tuned, single, None, wyoming_port=0) as found:
        yield found


def talk(room: Any, conversation: Callable[[int], Any]) -> Any:
    """Run a conversation with a server, and see that nothing is left of it."""

    async def run() -> Any:
        server = WyomingServer(room)
        port = await server.start()
        try:
            async with asyncio.timeout(10):
                found = await conversation(port)
                await until(lambda: is_empty(room))
                return found
        finally:
            await server.stop()

    return asyncio.run(run())


async def say(client: AsyncTcpClient, pcm: bytes, *, size: int = 2048, stop: bool = True) -> None:
    """Sound as Home Assistant sends it: chunks of 1024 samples with their time."""
    await client.write_event(AudioStart(rate=16_000, width=2, channels=1, timestamp=0).event())
    for number, chunk in enumerate(chunks(pcm, size)):
        time_ms = number * size // 32
        sent = AudioChunk(rate=16_000, width=2, channels=1, audio=chunk, timestamp=time_ms)
        await client.write_event(sent.event())
    if stop:
        await client.write_event(AudioStop().event())


async def events_of(client: AsyncTcpClient, until: str = "") -> list[Event]:
    """What the server says, to its end or to an event of that type."""
    events: list[Event] = []
    while (event := await client.read_event()) is not None:
        events.append(event)
        if event.type == until:
            break
    return events


async def detected(port: int, names: list[str] | None, pcm: bytes = PCM) -> list[Detection]:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Detect(names=names).event())
        await say(client, pcm)
        await client.write_event(Ping(text="over").event())
        events = await events_of(client, "pong")
    return [Detection.from_event(event) for event in events if Detection.is_type(event.type)]


def test_home_assistant_finds_every_model_that_streams(room: Any) -> None:
    async def describe(port: int) -> Info:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            return Info.from_event(event)

    info = talk(room, describe)
    (program,) = info.wake
    assert program.installed
    names = ["tones", "tones/high", "tones/low", "tones/mid", "tones1"]
    assert [model.name for model in program.models] == names
    assert all(model.installed and model.languages == [] for model in program.models)
    assert [model.phrase for model in program.models] == [
        "high, low, mid",
        "high",
        "low",
        "mid",
        "low",
    ]
    assert program.models[-1].version == "3"
    assert info.satellite is None
    assert not info.asr


def test_home_assistant_hears_its_wake_word_once(room: Any) -> None:
    """Connect, detect, audio, the first detection of the name that was asked for, and away."""

    async def wake(port: int) -> Detection:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["tones/low"]).event())
            await say(client, PCM, stop=False)
            event = await client.read_event()
            assert event is not None
            return Detection.from_event(event)

    found = talk(room, wake)
    assert found.name == "tones/low"
    assert 0 < found.timestamp - LOW_MS < 150
    assert found.speaker is None
    assert found.context["label"] == "low"
    assert (found.context["model"], found.context["version"]) == ("tones", 3)
    assert 0.5 < found.context["score"] <= 1


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["tones"], ["tones", "tones"]),
        (["tones1"], ["tones1"]),
        (["tones/high", "tones1"], ["tones/high", "tones1"]),
        (["tones/high", "tones"], ["tones/high", "tones"]),
        (None, ["tones/high", "tones/low", "tones1"]),
        ([], ["tones/high", "tones/low", "tones1"]),
        (["ok_nabu"], ["tones/high", "tones/low"]),
        (["tones/foo", "tones2"], ["tones/high", "tones/low"]),
    ],
)
def test_names_say_who_listens(room: Any, names: list[str] | None, called: list[str]) -> None:
    found = talk(room, lambda port: detected(port, names))
    assert sorted(one.name for one in found) == sorted(called)


def test_a_connection_is_used_again_and_begins_from_silence(room: Any) -> None:
    async def twice(port: int) -> list[list[str]]:
        rounds = []
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["tones"]).event())
            for sound in (QUIET, PCM[: 2 * 16_000], QUIET):
                await say(client, sound)
                await client.write_event(Ping(text="over").event())
                rounds.append([event.type for event in await events_of(client, "pong")])
                held = room.catalog.models["tones"].in_hand
                assert held == 0
        return rounds

    assert talk(room, twice) == [
        ["not-detected", "pong"],
        ["detection", "pong"],
        ["not-detected", "pong"],
    ]


def test_chunks_say_their_own_format_and_need_no_beginning(room: Any) -> None:
    stereo = np.repeat(np.frombuffer(PCM, "<i2").astype("<i4") << 16, 2).tobytes()

    async def bare(port: int) -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect(names=["tones"]).event())
            for chunk in chunks(stereo, 8 * 700):
                sent = AudioChunk(rate=16_000, width=4, channels=2, audio=chunk)
                await client.write_event(sent.event())
            await client.write_event(AudioStop().event())
            await client.write_event(Ping().event())
            return await events_of(client, "pong")

    events = talk(room, bare)
    times = [Detection.from_event(event).timestamp for event in events[:-1]]
    assert [round(time / 1000, 1) for time in times] == [0.7, 1.9]


def test_times_are_the_clients(room: Any) -> None:
    async def late(port: int) -> int:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            for number, chunk in enumerate(chunks(PCM, 2048)):
                at = 90_000 + 64 * number
                sent = AudioChunk(rate=16_000, width=2, channels=1, audio=chunk, timestamp=at)
                await client.write_event(sent.event())
            (event,) = await events_of(client, "detection")
            found = Detection.from_event(event).timestamp
            assert found is not None
            return found

    assert 0 < talk(room, late) - 90_000 - HIGH_MS < 150


def test_settings_may_be_said(room: Any) -> None:
    async def strict(port: int) -> str:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            data = {"names": ["tones"], "threshold": 1.0, "trigger_level": 100}
            await client.write_event(Event(type="detect", data=data))
            await say(client, PCM)
            event = await client.read_event()
            assert event is not None
            return event.type

    assert talk(room, strict) == NotDetected().event().type


def test_ping_is_answered_and_what_is_unknown_is_left_out(room: Any) -> None:
    async def ping(port: int) -> Event | None:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Event(type="transcribe", data={"language": "en"}))
            await client.write_event(Event(type="select-program", data={"name": "sonant"}))
            await client.write_event(Ping(text="hello").event())
            return await client.read_event()

    event = talk(room, ping)
    assert Pong.from_event(event).text == "hello"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not JSON"),
        (b'{"type": "audio-chunk", "payload_length": 99999999}\n', "at most 1048576"),
        (b"x" * 100_000, "at most 65536"),
        (b'{"type": "audio-start", "data": {"rate": 3}}\n', "rate: 3 Hz"),
        (b'{"type": "audio-chunk", "data": {"width": 9}}\n', "rate: 0 Hz|width: 9"),
        (b'{"type": "detect", "data": {"threshold": 7}}\n', "threshold or release"),
    ],
)
def test_what_cannot_be_done_is_told_and_ends_the_connection(
    room: Any, sent: bytes, reason: str
) -> None:
    async def babble(port: int) -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            assert client._writer is not None
            client._writer.write(sent)
            return await events_of(client)

    (event,) = talk(room, babble)
    text = Error.from_event(event).text
    assert any(part in text for part in reason.split("|")), text


def test_with_no_model_that_streams_listening_is_refused() -> None:
    with service(None, wyoming_port=0) as room:

        async def listen(port: int) -> list[Event]:
            async with AsyncTcpClient("127.0.0.1", port) as client:
                await client.write_event(Describe().event())
                await client.write_event(AudioStart(16_000, 2, 1).event())
                return await events_of(client)

        info, error = talk(room, listen)
    assert Info.from_event(info).wake[0].models == []
    assert "no model that hears streams" in Error.from_event(error).text


def test_more_listeners_than_may_be_are_refused_but_may_ask(tuned: Path) -> None:
    async def crowd(port: int) -> tuple[list[Event], Event | None]:
        async with AsyncTcpClient("127.0.0.1", port) as first:
            await say(first, QUIET, stop=False)
            await first.write_event(Ping().event())
            await first.read_event()
            async with AsyncTcpClient("127.0.0.1", port) as asking:
                await asking.write_event(Describe().event())
                info = await asking.read_event()
            async with AsyncTcpClient("127.0.0.1", port) as second:
                await say(second, b"", stop=False)
                return await events_of(second), info

    with service(tuned, max_streams=1, wyoming_port=0) as room:
        (error,), info = talk(room, crowd)
    assert info is not None
    assert Error.from_event(error).code == "unavailable"


def test_whoever_says_nothing_is_not_kept(tuned: Path) -> None:
    async def wait(port: int) -> list[Event]:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            return await events_of(client)

    with service(tuned, stream_idle_seconds=0.1, wyoming_port=0) as room:
        assert talk(room, wait) == []


def test_when_the_server_goes_connections_end(room: Any) -> None:
    async def end(port: int) -> None:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await say(client, QUIET, stop=False)
            await client.write_event(Ping().event())
            await client.read_event()
            room.draining.set()
            await asyncio.gather(*(leave() for leave in list(room.live.values())))
            assert await client.read_event() is None
        async with AsyncTcpClient("127.0.0.1", port) as late:
            assert await late.read_event() is None

    talk(room, end)


def test_stopping_ends_who_is_still_there(room: Any) -> None:
    async def run() -> None:
        server = WyomingServer(room)
        port = await server.start()
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await say(client, PCM, stop=False)
            await client.read_event()
            await server.stop()
            while await client.read_event() is not None:
                """What was on its way."""
        await until(lambda: is_empty(room))
        await server.stop()
        with pytest.raises(OSError, match="Connect call failed"):
            await AsyncTcpClient("127.0.0.1", port).connect()

    asyncio.run(run())


def test_a_port_that_is_taken_is_named(room: Any) -> None:
    async def run() -> None:
        first = WyomingServer(room)
        port = await first.start()
        taken = rf"127\.0\.0\.1:{port}: cannot listen there"
        with service(wyoming_port=port) as other, pytest.raises(ServeError, match=taken):
            await WyomingServer(other).start()
        await first.stop()

    asyncio.run(run())


def test_hundreds_of_connections_leave_nothing(room: Any) -> None:
    async def one(port: int, number: int) -> None:
        client = AsyncTcpClient("127.0.0.1", port)
        await client.connect()
        await say(client, PCM[: 4096 * (number % 5)], stop=bool(number % 2))
        if number % 3:
            assert client._writer is not None
            client._writer.transport.abort()
        else:
            await client.disconnect()

    async def many(port: int) -> None:
        for _ in range(5):
            await asyncio.gather(*(one(port, number) for number in range(40)))

    talk(room, many)


def test_garbage_never_ends_the_server(room: Any) -> None:
    dice = random.Random(1)

    def part() -> bytes:
        kind = dice.choice(
            ["audio-start", "audio-stop", "detect", "ping", "audio-chunk", "describe", "x"]
        )
        key = dice.choice(["data", "data_length", "payload_length", "rate"])
        value = dice.choice(
            ["{}", "-1", "3", "null", '"x"', "[1]", '{"rate": 16000}', "1e400", "true"]
        )
        line = f'{{"type": "{kind}", "{key}": {value}}}\n'.encode()
        return dice.choice(
            [dice.randbytes(dice.randrange(300)), line, line, line[: dice.randrange(9)]]
        )

    async def babble(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(part() for _ in range(dice.randrange(1, 6))))
        if dice.random() < 0.5:
            writer.write_eof()
            try:
                await reader.read()
            except ConnectionError:
                """It did not like what it heard."""
        writer.transport.abort()

    async def crowd(port: int) -> list[Detection]:
        for _ in range(10):
            await asyncio.gather(*(babble(port) for _ in range(12)))
        return await detected(port, ["tones"])

    assert [found.name for found in talk(room, crowd)] == ["tones", "tones"]
