r"""Wyoming's frames: a line of JSON, then more data as JSON, then samples.

{"type": "audio-chunk", "data_length": 40, "payload_length": 640}\n
{"rate": 16000, "width": 2, "channels": 1}         data_length bytes, laid over "data" of the line
...                                                payload_length bytes
"""

from __future__ import annotations

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from collections.abc import Mapping
from typing import Any, Final

import orjson

from sonant.serving.status import invalid
from sonant.serving.streams.messages import LONGEST_MESSAGE, Message, too_big

LONGEST_LINE: Final = 2**16
LONGEST_DATA: Final = 2**18
VERSION: Final = "1.7.2"
"""Of the protocol, as every frame names it."""
_NEWLINE = b"\n"


async def read_frame(reader: StreamReader) -> Message | None:
    """The next message; None where the client has left, be it in the middle of one.

    Raises `Refusal` for what is no frame, or a longer one than is taken: nobody knows then where the
    next would begin.
    """
    try:
        line = await reader.readuntil(_NEWLINE)
        header = _object(line, "the line")
        length = _length(header, "data_length", most=LONGEST_DATA)
        more = await reader.readexactly(length) if length else b""
        length = _length(header, "payload_length", most=LONGEST_MESSAGE)
        payload = await reader.readexactly(length) if length else b""
    except (IncompleteReadError, ConnectionError):
        return None
    except LimitOverrunError as error:
        raise too_big("the line", error.consumed, most=LONGEST_LINE) from error
    kind, data = header.get("type"), header.get("data")
    if not isinstance(kind, str):
        raise invalid(f"type: {kind!r:.50} is not a name")
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        raise invalid(f"data: {data!r:.50} is not an object")
    if more:
        data = {**data, **_object(more, "the data")}
    return Message(type=kind, data=data, payload=payload)


def frame(message: Message) -> bytes:
    """As it goes over the wire."""
    data = orjson.dumps(message.data) if message.data else b""
    header: dict[str, Any] = {"type": message.type, "version": VERSION}
    if data:
        header["data_length"] = len(data)
    if message.payload:
        header["payload_length"] = len(message.payload)
    return b"".join((orjson.dumps(header), _NEWLINE, data, message.payload))


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid(f"{what} of the frame is not JSON ({error})") from error
    if not isinstance(tree, dict):
        raise invalid(f"{what} of the frame is not an object")
    return tree


def _length(header: Mapping[str, Any], key: str, *, most: int) -> int:
    length = header.get(key)
    if length is None:
        return 0
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise invalid(f"{key}: {length!r:.50} is not a length")
    if length > most:
        raise too_big(key, length, most=most)
    return length
