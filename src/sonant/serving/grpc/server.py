"""The gRPC server, on the event loop it is started on."""

from __future__ import annotations

from functools import cache
from typing import Any, final

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from sonant.errors import ServeError
from sonant.serving.grpc import health
from sonant.serving.grpc.calls import Calls
from sonant.serving.grpc.credentials import server_credentials
from sonant.serving.grpc.model_service import ModelService
from sonant.serving.grpc.prediction_service import PredictionService
from sonant.serving.grpc.protos import MODELS, PREDICTION, methods, pool
from sonant.serving.options import Options
from sonant.serving.security import read_token
from sonant.serving.service import Service


@final
class GrpcServer:
    """PredictionService, ModelService, health and reflection on one port and, if asked, one socket."""

    def __init__(self, service: Service) -> None:
        """Raises `ServeError` where the token file cannot be read."""
        self._service = service
        self._calls = Calls(service, token=read_token(service.options))
        self._server: Any = None

    async def start(self) -> int:
        """Listen; returns the port, 0 where there is none. A negative port means any that is free.

        Raises `ServeError` where port or socket is taken, or the TLS files are not right.
        """
        options = self._service.options
        credentials = server_credentials(options)
        self._server = aio.server(options=_channel_options(options))
        self._server.add_generic_rpc_handlers(self._handlers())
        port = 0
        try:
            if options.port:
                host = f"[{options.host}]" if ":" in options.host else options.host
                port = self._bind(f"{host}:{max(options.port, 0)}", credentials)
            if options.grpc_socket_path:
                # TLS is for networks: the file has permissions of its own.
                self._bind(f"unix:{options.grpc_socket_path}", None)
        except ServeError:
            await self.stop(0.0)
            raise
        await self._server.start()
        return port

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, and wait for those that run, but not longer than the grace time."""
        if self._server is not None:
            await self._server.stop(grace_s)
            self._server = None

    def _bind(self, address: str, credentials: Any) -> int:
        try:
            if credentials is None:
                bound: int = self._server.add_insecure_port(address)
            else:
                bound = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise ServeError(
                f"{address}: cannot listen there for gRPC ({error}); is another server running? "
                f"choose a port with --port, or 0 for none"
            ) from error
        if not bound:
            raise ServeError(f"{address}: cannot listen there with these TLS files; are they PEM?")
        return bound

    def _handlers(self) -> list[Any]:
        handlers = {
            PREDICTION: self._unary(PREDICTION, PredictionService(self._service)),
            MODELS: self._unary(MODELS, ModelService(self._service)),
        }
        if self._service.options.enable_grpc_healthcheck_service:
            handlers[health.NAME] = health.Health(self._service).handlers()
        names = [*handlers, reflection.SERVICE_NAME]
        answering = reflection.aio.ReflectionServicer(names, pool=_shown())
        handlers[reflection.SERVICE_NAME] = {
            "ServerReflectionInfo": self._calls.stream(
                reflection_pb2.ServerReflectionRequest, answering.ServerReflectionInfo
            )
        }
        return [
            grpc.method_handlers_generic_handler(name, found) for name, found in handlers.items()
        ]

    def _unary(self, name: str, answering: PredictionService | ModelService) -> dict[str, Any]:
        requests = methods(name)
        return {
            method: self._calls.unary(f"/{name}/{method}", requests[method], answer, api=api)
            for method, (api, answer) in answering.methods().items()
        }


def _channel_options(options: Options) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", options.max_body_bytes),
        ("grpc.max_send_message_length", -1),
        # Two servers on one port would each get some of the calls.
        ("grpc.so_reuseport", 0),
        # grpcio unpacks without any bound; `calls.parsed` has one.
        ("grpc.per_message_decompression", 0),
    ]


@cache
def _shown() -> Any:
    """The pool that reflection shows: ours, and the two library services."""
    found = pool()
    for module in (health_pb2, reflection_pb2):
        found.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return found
