"""Wyoming's frames, as its own library writes and reads them; and what is none."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wyoming.event import Event, async_read_event, async_write_event

from sonant.serving.status import Refusal
from sonant.serving.streams.frames import LONGEST_LINE, frame, read_frame
from sonant.serving.streams.messages import Message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
DATA = st.dictionaries(st.text(max_size=8), JSON, max_size=4)


def read(data: bytes) -> Message | None:
    async def talk() -> Message | None:
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_frame(reader)

    return asyncio.run(talk())


class Paper:
    """A writer that keeps what is written."""

    def __init__(self) -> None:
        self.text = b""

    def write(self, data: bytes) -> None:
        self.text += data

    def writelines(self, lines: Any) -> None:
        self.text += b"".join(lines)

    async def drain(self) -> None:
        """Paper is patient."""


@settings(deadline=None, max_examples=60)
@given(data=DATA, payload=st.binary(max_size=50))
def test_the_librarys_frames_are_read(data: dict[str, Any], payload: bytes) -> None:
    paper = Paper()
    asyncio.run(async_write_event(Event(type="detect", data=data, payload=payload), paper))  # type: ignore[arg-type]
    assert read(paper.text) == Message(type="detect", data=data, payload=payload)


@settings(deadline=None, max_examples=60)
@given(data=DATA, payload=st.binary(max_size=50))
def test_the_library_reads_our_frames(data: dict[str, Any], payload: bytes) -> None:
    async def talk() -> Event | None:
        reader = asyncio.StreamReader()
        reader.feed_data(frame(Message(type="detection", data=data, payload=payload)))
        return await async_read_event(reader)

    event = asyncio.run(talk())
    assert event is not None
    assert (event.type, event.data, event.payload or b"") == ("detection", data, payload)


def test_data_in_the_line_and_behind_it_is_one() -> None:
    line = {"type": "x", "data": {"a": 1, "b": 2}, "data_length": 8, "payload_length": None}
    found = read(json.dumps(line).encode() + b'\n{"b": 3}')
    assert found == Message(type="x", data={"a": 1, "b": 3})
    assert read(b'{"type": "describe", "data": null}\n') == Message(type="describe")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"type":',
        b'{"type": "x", "data_length": 5}\n{}',
        b'{"type": "x", "payload_length": 9}\nabc',
    ],
)
def test_whoever_leaves_in_the_middle_has_left(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "the line of the frame is not JSON"),
        (b"[]\n", "the line of the frame is not an object"),
        (b"{}\n", "type: None is not a name"),
        (b'{"type": 3}\n', "type: 3 is not a name"),
        (b'{"type": "x", "data": []}\n', "data: .* is not an object"),
        (b'{"type": "x", "data_length": 2}\n[]', "the data of the frame is not an object"),
        (b'{"type": "x", "data_length": 3}\nabc', "the data of the frame is not JSON"),
        (b'{"type": "x", "data_length": -1}\n', "data_length: -1 is not a length"),
        (b'{"type": "x", "payload_length": true}\n', "payload_length: True is not a length"),
        (b'{"type": "x", "payload_length": 1.5}\n', "payload_length: 1.5 is not a length"),
        (
            b'{"type": "x", "data_length": 1000000}\n',
            "data_length has 1000000 bytes; at most 262144",
        ),
        (b'{"type": "x", "payload_length": 1048577}\n', "at most 1048576 are taken"),
        (b"a" * 200_000, "the line has .* at most 65536"),
        (b'{"type":' + b"[" * 5000 + b"\n", "is not JSON"),
        (b"\xff\xfe\n", "is not JSON"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        read(data)


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=200))
def test_garbage_is_refused_or_nothing(data: bytes) -> None:
    with suppress(Refusal):
        found = read(data)
        assert found is None or isinstance(found.type, str)
