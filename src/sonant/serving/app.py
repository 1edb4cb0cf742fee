"""The routes: which protocol answers which path, over HTTP and WebSocket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, final
from urllib.parse import parse_qs

import orjson

from sonant.serving import kserve, openapi, pages, rest, speakers
from sonant.serving.front import Front, Receive, Scope, Send
from sonant.serving.http import Reply, Request
from sonant.serving.service import Service
from sonant.serving.streams.websocket import websocket
from sonant.serving.vertex import Vertex

TENSORFLOW: Final = re.compile(r"(?i)/v1/")
STREAM: Final = re.compile(r"(?i)/v1/models/.*/stream")
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
POLICY_VIOLATION: Final = 1008
GOING_AWAY: Final = 1001


@final
class App:
    """The ASGI application of one server."""

    def __init__(
        self,
        service: Service,
        *,
        token: str = "",
        metrics_path: str = "",
        vertex: Vertex | None = None,
    ) -> None:
        """`metrics_path` is a further place of `/metrics`, as TensorFlow Serving's monitoring file names."""
        self.service: Final = service
        self._metrics_path = metrics_path
        self._vertex = vertex
        self.front: Final = Front(service, self.answer, token=token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request or one WebSocket; nothing else is spoken here."""
        if scope["type"] == "http":
            await self.front.http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            raise NotImplementedError(f"this application does not speak {scope['type']}")

    async def answer(self, service: Service, request: Request) -> Reply:
        """Hand the request to the protocol of its path."""
        if self._vertex:
            (*_, model) = ("", *service.catalog.names())
            request = self._vertex.ours(request, model=model)
        path = request.path
        if speakers.ROOM.match(path):
            return await speakers.answer(service, request)
        if TENSORFLOW.match(path):
            return await rest.answer(service, request)
        if path == "/v2" or path.startswith("/v2/"):
            return await kserve.answer(service, request)
        if path == "/metrics" or (self._metrics_path and path == self._metrics_path):
            return Reply(body=service.metrics.text(service).encode(), content_type=METRICS)
        if path in PROBES:
            return PROBES[path](service)
        if path == "/openapi.json":
            return Reply(body=orjson.dumps(openapi.document()))
        return await pages.answer(service, request)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        # A browser cannot set headers on a WebSocket: there the token may stand in the query.
        shown = query.get("access_token", [""])[0]
        cors = self.service.options.rest_api_enable_cors_support
        allowed = (
            STREAM.fullmatch(scope["path"]) is not None
            and self.front.admits(headers, scope["path"], query_token=shown)
            and _same_origin(headers, cors=cors)
        )
        refusal = GOING_AWAY if self.service.draining.is_set() else 0
        refusal = refusal if allowed else POLICY_VIOLATION
        if refusal:
            await receive()
            await send({"type": "websocket.close", "code": refusal})
            return
        await websocket(self.service, scope, receive, send)


def _same_origin(headers: Mapping[str, str], *, cors: bool) -> bool:
    """Whether a page may open a stream: browsers let any page try, wherever it is from."""
    origin = headers.get("origin")
    return cors or origin is None or origin.partition("://")[2] == headers.get("host", "")


def _alive(service: Service) -> Reply:
    return Reply(body=b'{"alive":true}')


def _ready(service: Service) -> Reply:
    ready = service.ready
    return Reply(status=200 if ready else 503, body=orjson.dumps({"ready": ready}))


PROBES: Final[Mapping[str, Callable[[Service], Reply]]] = {"/healthz": _alive, "/readyz": _ready}
