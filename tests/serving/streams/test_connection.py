"""What goes out on a connection is bounded, and every connection comes to an end that is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from serving.streams.rooms import service
from sonant.serving.status import Code, Refusal
from sonant.serving.streams import connection as connections
from sonant.serving.streams.connection import Connection, Ending, ending_of
from sonant.serving.streams.messages import Message


@pytest.fixture
def room() -> Iterator[Any]:
    with service(stream_idle_seconds=5.0) as found:
        yield found


class Client:
    """Takes messages, unless it is stuck or gone."""

    def __init__(self, room: Any, *, stuck: bool = False, gone: bool = False) -> None:
        self.stuck, self.gone, self.taken = stuck, gone, list[str]()
        self.connection = Connection(room, write=self.write, stall_s=0.05)

    async def write(self, message: Message) -> None:
        if self.gone:
            raise ConnectionResetError
        if self.stuck:
            await asyncio.Event().wait()
        self.taken.append(message.type)

    async def meet(self, read: Coroutine[Any, Any, None] | None = None) -> Ending:
        ending = await self.connection.run(read or asyncio.sleep(1000))
        self.connection.over()
        return ending


def told(type: str) -> Message:
    return Message(type=type)


def meet(
    room: Any, begin: Callable[[Client], Coroutine[Any, Any, None] | None], **kind: bool
) -> Any:
    """How a connection with such a client ends, and what the client got."""

    async def run() -> Any:
        client = Client(room, **kind)
        ending = await client.meet(begin(client))
        assert not room.live
        return ending, client.taken

    return asyncio.run(run())


async def say_nothing() -> None:
    """A client that has nothing to say."""


def test_all_that_was_told_is_taken_before_the_end(room: Any) -> None:
    def begin(client: Client) -> Any:
        for kind in "abc":
            client.connection.tell(told(kind))
        return say_nothing()

    assert meet(room, begin) == (connections.COMPLETE, ["a", "b", "c"])


def test_the_first_reason_counts(room: Any) -> None:
    def begin(client: Client) -> Any:
        client.connection.end(connections.SHUTTING_DOWN)
        client.connection.end(connections.LEFT)
        client.connection.tell(told("late"))

    assert meet(room, begin) == (connections.SHUTTING_DOWN, [])


def test_a_client_that_takes_nothing_is_dropped(room: Any) -> None:
    def begin(client: Client) -> Any:
        client.connection.tell(told("a"))

    assert meet(room, begin, stuck=True) == (connections.TOO_SLOW, [])


def test_a_client_that_takes_nothing_at_the_end_is_not_waited_for(room: Any) -> None:
    def begin(client: Client) -> Any:
        client.connection.tell(told("a"))
        return say_nothing()

    assert meet(room, begin, stuck=True) == (connections.TOO_SLOW, [])


def test_a_client_that_is_gone_has_left(room: Any) -> None:
    def begin(client: Client) -> Any:
        client.connection.tell(told("a"))

    assert meet(room, begin, gone=True) == (connections.LEFT, [])


def test_what_waits_is_bounded_and_meters_give_way_first(room: Any) -> None:
    def begin(client: Client) -> Any:
        connection = client.connection
        for _ in range(100):
            connection.show(told("scores"))
        assert len(connection._waiting) == connections.MOST_METERS
        for _ in range(connections.MOST_WAITING + 1):
            connection.tell(told("detection"))
        assert len(connection._waiting) == connections.MOST_WAITING

    assert meet(room, begin, stuck=True) == (connections.TOO_SLOW, [])


def test_silence_ends_it_and_life_does_not(room: Any) -> None:
    with service(stream_idle_seconds=0.05) as short:
        assert meet(short, lambda client: None) == (connections.IDLE, [])

        async def live(client: Client) -> None:
            for _ in range(20):
                await asyncio.sleep(0.005)
                client.connection.heard()

        assert meet(short, live) == (connections.COMPLETE, [])


def test_the_server_ends_it_politely(room: Any) -> None:
    async def run() -> Any:
        client = Client(room)
        meeting = asyncio.ensure_future(client.meet())
        await asyncio.sleep(0)
        client.connection.tell(told("a"))
        await asyncio.gather(*(leave() for leave in list(room.live.values())))
        return await meeting, client.taken

    assert asyncio.run(run()) == (connections.SHUTTING_DOWN, ["a"])


@pytest.mark.parametrize(
    ("code", "close"),
    [
        (Code.INVALID_ARGUMENT, 1008),
        (Code.NOT_FOUND, 1008),
        (Code.OUT_OF_RANGE, 1009),
        (Code.INTERNAL, 1011),
        (Code.UNAVAILABLE, 1013),
        (Code.RESOURCE_EXHAUSTED, 1013),
    ],
)
def test_a_refusal_is_told_and_ends_it(room: Any, code: Code, close: int) -> None:
    async def refuse() -> None:
        raise Refusal(code, "no" * 100)

    ending, taken = meet(room, lambda client: refuse())
    assert (ending.code, taken) == (close, ["error"])
    assert len(ending.reason) == 120


def test_a_fault_is_told_without_its_words(room: Any, caplog: pytest.LogCaptureFixture) -> None:
    ending = ending_of(ValueError("the secret"))
    assert (ending.code, ending.reason) == (1011, "internal error")
    assert "the secret" in caplog.text
