"""Wyoming over TCP, as Home Assistant speaks it to find wake words.

Every loaded model that hears streams is offered; `detect.names` says which of them listen on a
connection: a model, or `model/keyword`; all for none, the first where nobody knows the names.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from functools import partial
from typing import Final, final

from sonant.errors import ServeError
from sonant.serving.service import Service
from sonant.serving.streams import messages, offers
from sonant.serving.streams.connection import LEFT, Connection
from sonant.serving.streams.conversation import Conversation
from sonant.serving.streams.frames import LONGEST_LINE, frame, read_frame
from sonant.serving.streams.mdns import Announcement
from sonant.serving.streams.messages import Message
from sonant.serving.streams.whose import Naming

SEATED: Final = frozenset({messages.AUDIO_START, messages.AUDIO_CHUNK})
"""Messages that want one of the places for those who listen."""
CLOSE_S: Final = 5.0
"""How long a client may take over the goodbye."""
MOST_WRITTEN: Final = 2**16
"""Bytes that wait in the socket's buffer before a writer has to wait."""


@final
class WyomingServer:
    """Listens for clients, from `start` to `stop`."""

    def __init__(self, service: Service) -> None:
        """Nothing is opened yet."""
        self._service: Final = service
        self._server: asyncio.Server | None = None
        self._announcement: Announcement | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on the host and port of the options, any free port for one of 0 or below; returns it.

        Raises `ServeError` where the port is taken, and `MissingExtra` where it is to be announced
        without zeroconf installed.
        """
        options = self._service.options
        try:
            self._server = await asyncio.start_server(
                self._client,
                options.host,
                max(0, options.wyoming_port),
                limit=LONGEST_LINE,
                backlog=1024,
            )
        except OSError as error:
            raise ServeError(
                f"{options.host}:{options.wyoming_port}: cannot listen there for Wyoming "
                f"({error.strerror or error}); choose another port with --wyoming_port"
            ) from error
        port: int = self._server.sockets[0].getsockname()[1]
        if options.zeroconf:
            announcement = Announcement(options.zeroconf, host=options.host, port=port)
            try:
                await announcement.start()
            except BaseException:
                await self.stop()
                raise
            self._announcement = announcement
        return port

    async def stop(self) -> None:
        """Take back the announcement, listen no longer, and end what is left of the connections."""
        if self._announcement is not None:
            await self._announcement.stop()
            self._announcement = None
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._clients:
            task.cancel()
        if self._clients:
            await asyncio.wait(self._clients)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if not self._service.draining.is_set():
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            # Only `stop` does that; asyncio would write it to the log.
            return
        finally:
            self._clients.discard(task)
            await _closed(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=MOST_WRITTEN)

        async def write(message: Message) -> None:
            writer.write(frame(message))
            await writer.drain()

        with ExitStack() as stack:
            connection = Connection(self._service, write=write)
            client = _Client(self._service, connection)
            stack.callback(connection.over)
            stack.callback(client.close)
            ending = await connection.run(client.read(reader))
            if not ending.tells:
                writer.transport.abort()


@final
class _Client:
    """Whoever is at the other end."""

    def __init__(self, service: Service, connection: Connection) -> None:
        self._service = service
        self._connection = connection
        choose = partial(offers.choose, service.catalog)
        # Its clients know no word for a speaker who is known later.
        naming = Naming.of(service, tell=connection.tell)
        self._conversation = Conversation(
            connection, hubs=service.hubs, choose=choose, naming=naming
        )
        self._seat = ExitStack()
        self._is_seated = False

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Do what is said, until the client leaves."""
        while (message := await read_frame(reader)) is not None:
            self._connection.heard()
            if message.type == messages.DESCRIBE:
                data = {"wake": offers.wake(self._service.catalog)}
                self._connection.tell(Message(type=messages.INFO, data=data))
                continue
            if message.type in SEATED and not self._is_seated:
                self._seat.enter_context(self._service.hubs.seat())
                self._is_seated = True
            await self._conversation.take(message)
        self._connection.end(LEFT)

    def close(self) -> None:
        """Let go of everything."""
        self._conversation.close()
        self._seat.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close, after what was written has gone out, or without where the client takes nothing."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await writer.wait_closed()
            return
    writer.transport.abort()
