"""One client's connection, whatever carries it: what goes out, and how it comes to an end.

What is to be said waits in a bounded outbox. A client that does not take it is dropped: others
must not pay for it with memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, final

from sonant.serving.service import Service
from sonant.serving.status import Code, Refusal
from sonant.serving.streams.messages import Message, error_of

FAULTS: Final = logging.getLogger("sonant.serving")
DONE, GOING, REFUSED, TOO_BIG, FAULT, OVERLOADED = 1000, 1001, 1008, 1009, 1011, 1013
"""Codes with which a WebSocket closes."""
CLOSE_CODES: Final = {
    Code.OUT_OF_RANGE: TOO_BIG,
    Code.UNAVAILABLE: OVERLOADED,
    Code.RESOURCE_EXHAUSTED: OVERLOADED,
    Code.INTERNAL: FAULT,
}
"""Those of refusals; the others are the client's fault."""
MOST_WAITING: Final = 256
"""Messages in the outbox."""
MOST_METERS: Final = 8
"""While so many wait, what is only for a meter is not said."""
STALL_S: Final = 10.0
"""A client that takes nothing for so long is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a connection ends."""

    code: int
    reason: str
    tells: bool = True
    """Whether the client gets what still waits for it, and hears why."""


COMPLETE: Final = Ending(code=DONE, reason="done")
LEFT: Final = Ending(code=DONE, reason="the client left", tells=False)
SHUTTING_DOWN: Final = Ending(code=GOING, reason="the server is shutting down")
IDLE: Final = Ending(code=REFUSED, reason="nothing was said for too long")
TOO_SLOW: Final = Ending(code=REFUSED, reason="the client is too slow a reader", tells=False)


def ending_of(error: BaseException) -> Ending:
    """How a connection ends that met this error; faults of the server go to the log."""
    if isinstance(error, Refusal):
        # A close frame has room for 123 bytes.
        reason = error.message.encode()[:120].decode(errors="ignore")
        return Ending(code=CLOSE_CODES.get(error.code, REFUSED), reason=reason)
    FAULTS.error("a stream failed", exc_info=error)
    return Ending(code=FAULT, reason="internal error")


@final
class Connection:
    """From the first message to the last."""

    def __init__(
        self,
        service: Service,
        *,
        write: Callable[[Message], Awaitable[None]],
        stall_s: float = STALL_S,
    ) -> None:
        """`write` sends one message; it waits while the client takes nothing."""
        self._service: Final = service
        self._write: Final = write
        self._stall_s: Final = stall_s
        self._loop: Final = asyncio.get_running_loop()
        self._waiting: deque[Message] = deque()
        self._more = asyncio.Event()
        self._ended: asyncio.Future[Ending] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._heard_at = self._loop.time()
        self._watchdog: asyncio.TimerHandle | None = None

    def tell(self, message: Message) -> None:
        """Say something, in its turn; a client that has not taken the last few hundred is dropped."""
        if len(self._waiting) >= MOST_WAITING:
            self.end(TOO_SLOW)
        elif not self._ended.done():
            self._waiting.append(message)
            self._more.set()

    def show(self, message: Message) -> None:
        """Say something that is worth nothing later, unless the client is behind."""
        if len(self._waiting) < MOST_METERS:
            self.tell(message)

    def heard(self) -> None:
        """The client is alive."""
        self._heard_at = self._loop.time()

    def end(self, ending: Ending) -> None:
        """Come to an end; the first reason counts."""
        if not self._ended.done():
            self._ended.set_result(ending)
            self._more.set()

    def fail(self, error: BaseException) -> None:
        """Come to an end by an error, and tell the client of it."""
        if isinstance(error, Refusal):
            self.tell(error_of(error))
        elif not isinstance(error, OSError | asyncio.CancelledError):
            self.tell(error_of(Refusal(Code.INTERNAL, "internal error")))
        self.end(LEFT if isinstance(error, OSError) else ending_of(error))

    async def run(self, read: Coroutine[Any, Any, None]) -> Ending:
        """Read and write until one of them, or somebody else, brings it to an end; returns why.

        What waited has been written then, unless the client takes nothing.
        """
        reader = asyncio.ensure_future(read)
        writer = asyncio.ensure_future(self._write_all())
        self._service.live[self] = self.leave
        self._watch()
        try:
            await asyncio.wait((reader, writer, self._ended), return_when=asyncio.FIRST_COMPLETED)
            self._note(reader)
            self._note(writer)
            self.end(COMPLETE)
            ending = self._ended.result()
            if not ending.tells:
                return ending
            await _cancelled(reader)
            await asyncio.wait((writer,))
            # What waited could not be written: there is nobody to tell of anything else.
            return LEFT if writer.exception() else ending if writer.result() else TOO_SLOW
        finally:
            if self._watchdog:
                self._watchdog.cancel()
            await _cancelled(reader)
            await _cancelled(writer)

    async def leave(self) -> None:
        """End it politely, because the server does; returns when it is over."""
        self.end(SHUTTING_DOWN)
        await self._gone.wait()

    def over(self) -> None:
        """The transport is closed."""
        self._service.live.pop(self, None)
        self._gone.set()

    def _note(self, task: asyncio.Future[Any]) -> None:
        """A task that is done with an error ends the connection by it."""
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    async def _write_all(self) -> bool:
        """Write what waits, until it has ended and nothing does; false where the client takes nothing."""
        while self._waiting or not self._ended.done():
            if not self._waiting:
                self._more.clear()
                await self._more.wait()
                continue
            try:
                async with asyncio.timeout(self._stall_s):
                    await self._write(self._waiting[0])
            except TimeoutError:
                self.end(TOO_SLOW)
                return False
            self._waiting.popleft()
        return True

    def _watch(self) -> None:
        """End it when the client has said nothing for too long."""
        idle_s = self._service.options.stream_idle_seconds
        due = self._heard_at + idle_s
        if self._loop.time() >= due:
            self.end(IDLE)
        elif not self._ended.done():
            self._watchdog = self._loop.call_at(due, self._watch)


async def _cancelled(task: asyncio.Future[Any]) -> None:
    """Wait until a task that is to be given up has taken note; its error was seen before, if any."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()
