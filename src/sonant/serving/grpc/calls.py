"""One gRPC call from its bytes to its bytes: who asks, what he asks, how long he waits, what was told."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, final

import grpc
import orjson
from google.protobuf.message import DecodeError

from sonant.errors import SonantError
from sonant.serving.service import Service
from sonant.serving.status import Code, Refusal, invalid

LOG = logging.getLogger("sonant.access")
FAULTS = logging.getLogger("sonant.serving")
LONGEST_MESSAGE: Final = 800
"""Characters of an error text; it travels in a header, and headers are small."""
LONGEST_ID: Final = 128
CLOCK_S: Final = 0.002
_STATUS: Final = {
    code: status for status in grpc.StatusCode for code in Code if code == status.value[0]
}
_ZLIB: Final = {0x1F: 31, 0x78: 15}
"""First byte of gzip and zlib -> `wbits`; none of our messages can begin with either."""


@dataclass(slots=True, kw_only=True)
class Call:
    """What a method may know of its call, and what it tells about it."""

    deadline: float | None
    """The loop's time at which the client gives up."""
    limit_bytes: int
    """Of what may be made from the request."""
    model: str = ""
    """Set once it is known to exist."""
    rows: int = 1

    def late(self, now: float) -> bool:
        """Whether the client has given up, as nearly as timers tell."""
        return self.deadline is not None and now > self.deadline - CLOCK_S


Answer: TypeAlias = Callable[[Any, Call], Awaitable[Any]]
"""A method: request and call -> reply; raises `Refusal`."""


@final
class Calls:
    """Makes grpcio's handlers out of methods that know nothing of grpcio."""

    def __init__(self, service: Service, *, token: str = "") -> None:
        """With a `token`, clients have to show it in the metadata, `authorization: Bearer TOKEN`."""
        self.service: Final = service
        self._token = token.encode()

    def unary(self, path: str, kind: Any, answer: Answer, *, api: str) -> Any:
        """The handler of a method whose request is a `kind`; `api` is its name in the metrics."""

        async def handle(data: bytes, context: Any) -> bytes:
            loop = asyncio.get_running_loop()
            started = loop.time()
            left_s = context.time_remaining()
            call = Call(
                deadline=None if left_s is None else started + left_s,
                limit_bytes=self.service.options.max_body_bytes,
            )
            code = Code.CANCELLED
            request_id = _id(context)
            try:
                outcome = await self._outcome(data, context, kind, answer, call, request_id)
                if isinstance(outcome, Refusal) and call.late(loop.time()):
                    # Whatever the queue calls it: it was the client's own deadline.
                    outcome = Refusal(Code.DEADLINE_EXCEEDED, outcome.message)
                code = outcome.code if isinstance(outcome, Refusal) else Code.OK
            finally:
                seconds = loop.time() - started
                self.service.metrics.request(
                    call.model,
                    api=api,
                    entrypoint="GRPC",
                    code=code,
                    seconds=seconds,
                    rows=call.rows,
                )
                if self.service.options.access_log:
                    _log(path, context, request_id, code=code, seconds=seconds)
            if isinstance(outcome, Refusal):
                await refuse(context, outcome)
            return outcome

        return grpc.unary_unary_rpc_method_handler(handle)

    def stream(
        self, kind: Any, answer: Callable[[AsyncIterator[Any], Any], AsyncIterator[Any]]
    ) -> Any:
        """The handler of a method that takes and gives streams."""

        async def handle(chunks: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            try:
                self._admit(context)
                requests = self._requests(aiter(chunks), kind)
                async for reply in answer(requests, context):
                    yield reply.SerializeToString()
            except Refusal as refusal:
                await refuse(context, refusal)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _outcome(
        self, data: bytes, context: Any, kind: Any, answer: Answer, call: Call, request_id: str
    ) -> bytes | Refusal:
        try:
            self._admit(context)
            request = parsed(data, kind, limit_bytes=call.limit_bytes)
            reply: bytes = (await answer(request, call)).SerializeToString()
        except Refusal as refusal:
            return refusal
        except SonantError as error:
            return invalid(str(error))
        except Exception:  # the last resort: the client hears of a fault, the log of its cause
            FAULTS.exception("request %s: gRPC %s failed", request_id, kind.DESCRIPTOR.name)
            return Refusal(Code.INTERNAL, f"internal error; request id {request_id}")
        return reply

    def _admit(self, context: Any) -> None:
        """Raise `Refusal` to who shows no token, and to everybody once the server is going."""
        if self._token:
            shown = str(_metadata(context, "authorization"))
            scheme, _, given = shown.partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
                raise Refusal(
                    Code.UNAUTHENTICATED, "this server wants a token: authorization: Bearer TOKEN"
                )
        if self.service.draining.is_set():
            raise Refusal(Code.UNAVAILABLE, "the server is shutting down", retry_after_s=1.0)

    async def _requests(self, chunks: AsyncIterator[bytes], kind: Any) -> AsyncIterator[Any]:
        """The requests of a stream, until the client has no more or the server is going."""
        going = asyncio.ensure_future(self.service.draining.wait())
        waits: set[asyncio.Future[Any]] = {going}
        try:
            while True:
                coming = asyncio.ensure_future(anext(chunks, None))
                waits = {going, coming}
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                data = coming.result() if coming.done() else None
                if data is None:
                    return
                yield parsed(data, kind, limit_bytes=self.service.options.max_body_bytes)
        finally:
            for future in waits:
                future.cancel()


def parsed(data: bytes, kind: Any, *, limit_bytes: int) -> Any:
    """The message in `data`, which may be compressed.

    Raises `Refusal`: it is no such message (INVALID_ARGUMENT), or unpacks to more than the limit
    (RESOURCE_EXHAUSTED).
    """
    wbits = _ZLIB.get(data[0]) if data else None
    if wbits:
        data = _unpacked(data, wbits, limit_bytes)
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise invalid(f"the request is no {kind.DESCRIPTOR.full_name} ({error})") from error


async def refuse(context: Any, refusal: Refusal) -> NoReturn:
    """End a call with an error; raises grpcio's own exception for that."""
    metadata: tuple[tuple[str, str], ...] = ()
    if refusal.retry_after_s is not None:
        metadata = (("grpc-retry-pushback-ms", str(round(refusal.retry_after_s * 1000))),)
    text = refusal.message
    if len(text) > LONGEST_MESSAGE:
        text = text[: LONGEST_MESSAGE - 3] + "..."
    await context.abort(_STATUS[refusal.code], text, trailing_metadata=metadata)
    raise AssertionError("grpcio ends a call by an exception of its own")


def _unpacked(data: bytes, wbits: int, limit_bytes: int) -> bytes:
    """Unpack, but never beyond the limit: grpcio would, so it is told to leave that to us."""
    stream = zlib.decompressobj(wbits=wbits)
    try:
        found = stream.decompress(data, limit_bytes + 1)
    except zlib.error as error:
        raise invalid(f"the request is neither a message nor compressed ({error})") from error
    if len(found) > limit_bytes:
        raise Refusal(
            Code.RESOURCE_EXHAUSTED, f"the request unpacks to more than {limit_bytes} bytes"
        )
    if not stream.eof:
        raise invalid("the compressed request ends too early")
    return found


def _metadata(context: Any, key: str) -> str | bytes:
    found: str | bytes = dict(context.invocation_metadata() or ()).get(key, "")
    return found


def _id(context: Any) -> str:
    return str(_metadata(context, "x-request-id"))[:LONGEST_ID] or secrets.token_hex(8)


def _log(path: str, context: Any, request_id: str, *, code: Code, seconds: float) -> None:
    """One line about it; never metadata or a message: they may hold secrets."""
    line = {
        "id": request_id,
        "client": context.peer(),
        "method": "gRPC",
        "path": path,
        "status": code.name,
        "ms": round(seconds * 1000, 3),
    }
    LOG.info("%s", orjson.dumps(line).decode())
