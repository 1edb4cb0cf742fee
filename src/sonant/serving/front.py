"""The ASGI front: what every HTTP request goes through before and after its answer.

It reads the body within its bounds, unpacks it, asks for the token, sets the deadline, hands the
request to the routes, drops the work when the client has gone, and writes one line about it.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import logging
import secrets
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias, final

import orjson

from sonant.serving.access_log import AccessLog
from sonant.serving.http import JSON, Reply, Request, refused
from sonant.serving.pages import FILES
from sonant.serving.service import Service
from sonant.serving.status import HTTP_STATUS, Code, Refusal, invalid

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer: TypeAlias = Callable[[Service, Request], Awaitable[Reply]]

FAULTS = logging.getLogger("sonant.serving")
OPEN_TO_ALL: Final = frozenset(
    {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/openapi.json"}
)
"""Paths that need no token, as the page's own files: they say nothing about the models."""
CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "Content-Type",
}
CODES: Final[Mapping[int, Code]] = {
    200: Code.OK,
    **{status: code for code, status in reversed(list(HTTP_STATUS.items()))},
    413: Code.INVALID_ARGUMENT,
}
WATCH_AFTER_S: Final = 0.05
"""A client that leaves sooner gets an answer that nobody reads; to watch everybody costs more."""
WINDOW_BITS: Final[Mapping[str, int]] = {"gzip": 31, "deflate": 15}
"""What zlib calls the two forms a body may be packed in."""
_TOO_LARGE: Final = 413


class TooLarge(Exception):
    """A body beyond the bound; TensorFlow Serving has none, so there is no code for it."""


@final
class Front:
    """One ASGI application for HTTP."""

    def __init__(self, service: Service, answer: Answer, *, token: str = "") -> None:
        """With a `token`, requests have to show it as `Authorization: Bearer TOKEN`."""
        self.service: Final = service
        self._answer = answer
        self._token = token.encode()
        # To ask the system for random bytes takes longer than to count.
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._log: Final = AccessLog()
        self.in_hand = 0
        """Requests being answered."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # A loop's own clock may only count milliseconds.
        started = time.perf_counter()
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        request_id = (
            headers.get("x-request-id", "")[:128] or f"{self._prefix}{next(self._numbers):x}"
        )
        reply = self._refusal(scope, headers)
        if reply is None:
            self.in_hand += 1
            try:
                reply = await self._reply(scope, headers, receive, request_id)
                if reply is not None:
                    await self._send(reply, scope, send, request_id)
            finally:
                self.in_hand -= 1
        else:
            await self._send(reply, scope, send, request_id)
        self._tell(scope, reply, request_id, seconds=time.perf_counter() - started)

    def admits(self, headers: Mapping[str, str], path: str, *, query_token: str = "") -> bool:
        """Whether the token was shown, or none is needed."""
        if not self._token or path in OPEN_TO_ALL or path in FILES:
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        given = shown.strip() if scheme.lower() == "bearer" else query_token
        return hmac.compare_digest(given.encode(), self._token)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> Reply | None:
        """Why the request is not even read, where there is a reason."""
        if not self.admits(headers, scope["path"]):
            return _unauthorised()
        if self.service.draining.is_set() and scope["method"] == "POST":
            return refused(
                Refusal(Code.UNAVAILABLE, "the server is shutting down", retry_after_s=1.0)
            )
        return None

    async def _reply(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, request_id: str
    ) -> Reply | None:
        """None when the client left before it was answered."""
        loop = asyncio.get_running_loop()
        raw = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string", b"")
        target = (raw + (b"?" + query if query else b"")).decode("latin-1")
        try:
            body = await self._body(headers, receive)
        except TooLarge as error:
            return Reply(status=_TOO_LARGE, body=orjson.dumps({"error": str(error)}))
        except Refusal as error:
            return refused(error)
        if body is None:
            return None
        request = Request(
            method=scope["method"],
            target=target,
            headers=headers,
            body=body,
            deadline=loop.time() + self.service.options.rest_api_timeout_in_ms / 1000,
            id=request_id,
        )
        return await self._while_there(request, receive, loop)

    async def _while_there(
        self, request: Request, receive: Receive, loop: asyncio.AbstractEventLoop
    ) -> Reply | None:
        """The answer, unless the client leaves first; then the work is dropped."""
        watch = _Watch(receive, loop)
        try:
            return await self._answered(request)
        except asyncio.CancelledError:
            if not watch.gone:
                raise
            watch.task.uncancel()
            return None
        finally:
            watch.end()

    async def _answered(self, request: Request) -> Reply:
        try:
            return await self._answer(self.service, request)
        except Refusal as refusal:
            return refused(refusal)
        except Exception:  # the last resort: the client hears of a fault, the log of its cause
            FAULTS.exception("request %s: %s %s failed", request.id, request.method, request.path)
            return refused(Refusal(Code.INTERNAL, f"internal error; request id {request.id}"))

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes | None:
        limit = self.service.options.max_body_bytes
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise TooLarge(f"the body has {declared} bytes; at most {limit} are taken")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise TooLarge(f"the body has more than {limit} bytes")
            parts.append(part)
            if not message.get("more_body"):
                break
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        packed = headers.get("content-encoding", "").lower()
        return _unpacked(body, packed, limit)

    async def _send(self, reply: Reply, scope: Scope, send: Send, request_id: str) -> None:
        encoded = [
            (b"content-type", reply.content_type.encode("latin-1")),
            (b"content-length", b"%d" % len(reply.body)),
            (b"x-request-id", request_id.encode("latin-1")),
        ]
        further = dict(reply.headers)
        if self.service.options.rest_api_enable_cors_support:
            further |= CORS
        if self.service.draining.is_set():
            further["connection"] = "close"
        encoded += [(name.encode(), value.encode("latin-1")) for name, value in further.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    def _tell(self, scope: Scope, reply: Reply | None, request_id: str, *, seconds: float) -> None:
        """Metrics, and one line in the log; never a query, a header or a body: they may hold secrets."""
        path: str = scope["path"]
        status = reply.status if reply else HTTP_STATUS[Code.CANCELLED]
        lower = path.lower()
        if lower.startswith(("/v1/", "/v2/models/")):
            self.service.metrics.request(
                reply.model if reply else "",
                api=_api(lower),
                entrypoint="KSERVE" if lower.startswith("/v2") else "REST",
                code=CODES.get(status, Code.UNKNOWN),
                seconds=seconds,
                rows=reply.rows if reply else 1,
            )
        if self.service.options.access_log:
            client = scope.get("client")
            line = {
                "id": request_id,
                "client": client[0] if client else "",
                "method": scope["method"],
                "path": path,
                "status": status,
                "ms": round(seconds * 1000, 3),
                "bytes": len(reply.body) if reply else 0,
            }
            self._log.tell(line, busy=self.in_hand > 0)


@final
class _Watch:
    """Ends a task when its client has gone; short work is over before the watch begins."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        """Watch over the current task of `loop`."""
        task = asyncio.current_task(loop)
        assert task is not None
        self.task: Final = task
        self._loop = loop
        self.gone = False
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self._alarm = loop.call_later(WATCH_AFTER_S, self._begin)

    def end(self) -> None:
        """Look no longer."""
        self._alarm.cancel()
        if self._watching:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            """What comes after the body is nothing to us."""
        self.gone = True
        self.task.cancel()


def _unpacked(body: bytes, packed: str, limit: int) -> bytes:
    """Unpack, but never beyond the bound: a kilobyte can unpack to a gigabyte."""
    form = next((form for form in WINDOW_BITS if form in packed), None)
    if form is None:
        return body
    stream = zlib.decompressobj(wbits=WINDOW_BITS[form])
    try:
        found = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise invalid(f"the body is not {form} as its header says ({error})") from error
    if len(found) > limit:
        raise TooLarge(f"the body unpacks to more than {limit} bytes")
    if not stream.eof:
        raise invalid(f"the body's {form} ends too early")
    return found


def _api(path: str) -> str:
    """Which call it was, for the metrics: a bounded number of names."""
    word = path.rpartition(":")[2] if ":" in path else path.rpartition("/")[2]
    return (
        word
        if word in ("predict", "classify", "regress", "metadata", "infer", "ready")
        else "status"
    )


def _unauthorised() -> Reply:
    body = orjson.dumps({"error": "this server wants a token: Authorization: Bearer TOKEN"})
    return Reply(
        status=HTTP_STATUS[Code.UNAUTHENTICATED],
        body=body,
        content_type=JSON,
        headers={"www-authenticate": "Bearer"},
    )
