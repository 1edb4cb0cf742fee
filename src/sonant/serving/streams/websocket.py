"""Live audio over WebSocket: `/v1/models/NAME[/versions/V|/labels/L]/stream`, with Wyoming's vocabulary.

The server speaks first: `info`. A text message is `{"type": ..., "data": {...}}`, a binary one is
samples: 16-bit mono at the model's rate, unless `audio-start` or the query says otherwise
(`?format=f32le&rate=48000&channels=2`). After `audio-stop`, or Vosk's `{"eof" : 1}`, come the answers
that are still owed, and the server closes.

Codes: 1000 done, 1001 the server is going, 1008 refused, idle or too slow, 1009 a message is too
big, 1011 a fault of the server, 1013 all streams are taken.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final, TypeAlias, final
from urllib.parse import parse_qs, unquote

import orjson

from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Refusal, invalid
from sonant.serving.streams import messages, offers
from sonant.serving.streams.connection import (
    COMPLETE,
    LEFT,
    SHUTTING_DOWN,
    STALL_S,
    Connection,
    Ending,
    ending_of,
)
from sonant.serving.streams.conversation import Conversation
from sonant.serving.streams.ear import Choice
from sonant.serving.streams.hub import Hub, graph_of
from sonant.serving.streams.intake import FORMATS, Format
from sonant.serving.streams.messages import LONGEST_MESSAGE, Message, error_of, too_big
from sonant.serving.streams.whose import Naming

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH: Final = re.compile(
    r"(?i)/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d{1,19})|/labels/(?P<label>[^/:]+))?/stream"
)
LONGEST_TEXT: Final = 2**16
CLOSE_S: Final = 5.0
"""How long a client may take over the goodbye."""


async def websocket(service: Service, scope: Scope, receive: Receive, send: Send) -> None:
    """One WebSocket, from its handshake to its end."""
    await receive()
    await send({"type": "websocket.accept"})
    ending = SHUTTING_DOWN
    if not service.draining.is_set():
        try:
            ending = await _served(service, scope, receive, send)
        except Refusal as refusal:
            await send(_text(error_of(refusal)))
            ending = ending_of(refusal)
    if ending is not LEFT:
        # Whoever has gone, or reads nothing, need not say goodbye.
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                close = {"code": ending.code, "reason": ending.reason}
                await send({"type": "websocket.close", **close})


def model_of(scope: Scope) -> ModelSpec:
    """Which model the path names; raises `Refusal`."""
    raw = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").partition("?")[0]
    found = PATH.fullmatch(path)
    if not found:
        raise invalid(f"Malformed request: GET {path:.200}")
    version, label = found["version"], found["label"]
    return ModelSpec(
        name=unquote(found["name"]),
        version=int(version) if version else None,
        label=unquote(label) if label else None,
    )


def format_of(query: bytes, *, rate_hz: int) -> Format:
    """The format of samples that come without a word; raises `Refusal`."""
    said = {key: values[-1] for key, values in parse_qs(query.decode("latin-1")).items()}
    numbers: dict[str, Any] = {}
    for key in ("rate", "width", "channels"):
        if key in said:
            if not re.fullmatch(r"[0-9]{1,9}", said[key]):
                raise invalid(f"{key}: {said[key]!r:.50} is not a whole number")
            numbers[key] = int(said[key])
    plain = {"format": said["format"]} if "format" in said else {}
    return Format(rate_hz=rate_hz).told({**numbers, **plain})


async def _served(service: Service, scope: Scope, receive: Receive, send: Send) -> Ending:
    """From `info` to the reason of the end; the version and a place are held meanwhile."""
    with ExitStack() as stack:
        running = stack.enter_context(service.catalog.held(model_of(scope)))
        graph = graph_of(running)
        format = format_of(scope.get("query_string", b""), rate_hz=graph.card.audio.rate_hz)
        stack.enter_context(service.hubs.seat())

        async def write(message: Message) -> None:
            await send(_text(message))

        connection = Connection(service, write=write, stall_s=STALL_S)
        client = _Client(service, running, connection, format)
        stack.callback(connection.over)
        stack.callback(client.conversation.close)
        return await connection.run(client.read(receive))


@final
class _Client:
    """Whoever is at the other end."""

    def __init__(
        self, service: Service, running: Running, connection: Connection, format: Format
    ) -> None:
        self._service = service
        self._running = running
        self._connection = connection
        self._format = format
        # Held for as long as the connection, so that `info` may say what a stream takes.
        self._hub: Hub = service.hubs.of(running)
        self.conversation: Final = Conversation(
            connection,
            hubs=service.hubs,
            choose=partial(_choose, running),
            format=format,
            naming=Naming.of(service, tell=connection.tell, tells_later=True),
        )

    async def read(self, receive: Receive) -> None:
        """Do what is said, until the client leaves, or has said that the sound is over."""
        self._tell_info()
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                self._connection.end(LEFT)
                return
            self._connection.heard()
            data = event.get("bytes")
            if data is not None:
                if len(data) > LONGEST_MESSAGE:
                    raise too_big("a message", len(data), most=LONGEST_MESSAGE)
                await self.conversation.hear(data)
            elif await self._is_over(event.get("text") or ""):
                self._connection.end(COMPLETE)
                return

    async def _is_over(self, text: str) -> bool:
        """Do what a text says; whether the conversation is over."""
        message = _message(text)
        if message is None:
            await self.conversation.finish()
        elif message.type == messages.DESCRIBE:
            self._tell_info()
        elif message.type in messages.FROM_CLIENTS:
            await self.conversation.take(message)
            if message.type == messages.DETECT:
                self._tell_info()
        else:
            known = ", ".join(sorted(messages.FROM_CLIENTS))
            raise invalid(f"type: {message.type!r:.50} is not one of {known}")
        return message is None or message.type == messages.AUDIO_STOP

    def _tell_info(self) -> None:
        """What is heard with, and how."""
        running = self._running
        graph = graph_of(running)
        rate_hz, spec = graph.card.audio.rate_hz, graph.stream
        data: Mapping[str, Any] = {
            "model": running.name,
            "version": running.version,
            "labels": list(running.servable.labels),
            "keywords": list(offers.keywords(graph.card)),
            "rate": rate_hz,
            "hop_ms": 1000 * graph.hop_s,
            "first_ms": 1000 * graph.first_s,
            "delay_ms": 1000 * spec.delay / rate_hz,
            "window_ms": 1000 * spec.warm_up / rate_hz,
            "step_ms": 1000 * self._hub.step_samples / rate_hz,
            "audio": self._format.to_json(),
            "formats": list(FORMATS),
            "settings": self.conversation.settings_json(graph),
            "idle_s": self._service.options.stream_idle_seconds,
            "message_bytes": LONGEST_MESSAGE,
            "bytes_per_stream": self._hub.bytes_per_stream,
        }
        self._connection.tell(Message(type=messages.INFO, data=data))


def _choose(running: Running, names: Sequence[str], _: ExitStack) -> list[Choice]:
    """The model of the path; `names` are keywords of it, or its own. The connection holds it."""
    known = offers.keywords(graph_of(running).card)
    if strange := [name for name in names if name not in (*known, running.name)]:
        raise invalid(f"names: {strange[0]!r:.50} is not one of {', '.join(known)}")
    wanted = known if not names or running.name in names else names
    return [Choice(running=running, called={name: name for name in wanted})]


def _message(text: str) -> Message | None:
    """A text message; None where it is Vosk's last. Raises `Refusal` for what is none."""
    if len(text) > LONGEST_TEXT:
        raise too_big("a text message", len(text), most=LONGEST_TEXT)
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid(f"the message is not JSON ({error})") from error
    if isinstance(tree, dict) and tree.get("eof") == 1:
        return None
    if not isinstance(tree, dict) or not isinstance(tree.get("type"), str):
        raise invalid('a text message is {"type": "...", "data": {...}}')
    data = tree.get("data") or {}
    if not isinstance(data, dict):
        raise invalid(f"data: {data!r:.50} is not an object")
    return Message(type=tree["type"], data=data)


def _text(message: Message) -> MutableMapping[str, Any]:
    text = orjson.dumps({"type": message.type, "data": message.data}).decode()
    return {"type": "websocket.send", "text": text}
