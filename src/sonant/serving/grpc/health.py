"""The standard grpc.health service: it says what the server's readiness is at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, final

import grpc
from grpc_health.v1 import health_pb2

from sonant.serving.grpc.calls import parsed, refuse
from sonant.serving.grpc.protos import MODELS, PREDICTION
from sonant.serving.service import Service
from sonant.serving.status import Refusal, not_found

NAME: Final = "grpc.health.v1.Health"
KNOWN: Final = frozenset({"", PREDICTION, MODELS})
"""Services whose health can be asked for; the first is the server itself."""
LIMIT_BYTES: Final = 2**16
TICK_S: Final = 0.25
"""How often a watcher looks."""


@final
class Health:
    """Check and Watch; both want no token, so that probes can ask."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handlers(self) -> dict[str, Any]:
        """Method -> grpcio's handler."""
        return {
            "Check": grpc.unary_unary_rpc_method_handler(self.check),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch),
        }

    async def check(self, data: bytes, context: Any) -> bytes:
        """How it is now."""
        try:
            name = self._asked(data)
            if name not in KNOWN:
                raise not_found(f"no service {name}")
        except Refusal as refusal:
            await refuse(context, refusal)
        return self._reply(name)

    async def watch(self, data: bytes, context: Any) -> AsyncIterator[bytes]:
        """How it is now and whenever that changes, until the server goes."""
        try:
            name = self._asked(data)
        except Refusal as refusal:
            await refuse(context, refusal)
        told = b""
        while True:
            going = self._service.draining.is_set()
            now = self._reply(name)
            if now != told:
                yield now
                told = now
            if going:
                return
            await asyncio.sleep(TICK_S)

    def _asked(self, data: bytes) -> str:
        request = parsed(data, health_pb2.HealthCheckRequest, limit_bytes=LIMIT_BYTES)
        name: str = request.service
        return name

    def _reply(self, name: str) -> bytes:
        status = "SERVING" if self._service.ready else "NOT_SERVING"
        if name not in KNOWN:
            status = "SERVICE_UNKNOWN"
        found: bytes = health_pb2.HealthCheckResponse(status=status).SerializeToString()
        return found
