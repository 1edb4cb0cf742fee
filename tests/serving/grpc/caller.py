"""A gRPC server on a free port, and somebody who calls it with our own messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from serving.grpc.half_plus_two import HalfPlusTwo
from sonant.serving.catalog import Catalog, ServerConfig
from sonant.serving.grpc import GrpcServer
from sonant.serving.grpc.protos import MODELS, PREDICTION, message, pool
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.servable import Servable
from sonant.serving.service import Service
from sonant.serving.streams.hub import Hubs
from sonant.serving.tensors import BY_NAME

PATIENCE_S = 20.0


@dataclass
class Caller:
    """Calls one server."""

    service: Service
    server: GrpcServer
    port: int
    channel: Any

    async def __call__(self, method: str, request: Any = b"", **how: Any) -> Any:
        """The reply to a message, or to bytes; raises `grpc.aio.AioRpcError`."""
        data = request if isinstance(request, bytes) else request.SerializeToString()
        path, reply = path_and_reply(method)
        call = self.channel.unary_unary(path)
        return reply.FromString(await call(data, **{"timeout": PATIENCE_S, **how}))

    async def refused(self, method: str, request: Any = b"", **how: Any) -> tuple[str, str]:
        """Code and text of the error that a call has to end with."""
        try:
            reply = await self(method, request, **how)
        except grpc.aio.AioRpcError as error:
            return error.code().name, str(error.details())
        raise AssertionError(f"{method} was answered: {reply}")


def path_and_reply(method: str) -> tuple[str, Any]:
    """The path of a method by its short name, and the class of its reply."""
    for service in (PREDICTION, MODELS):
        for found in pool().FindServiceByName(service).methods:
            if found.name == method:
                return f"/{service}/{method}", message(found.output_type.full_name)
    raise AssertionError(f"no method {method}")


@asynccontextmanager
async def serving(
    models: Mapping[tuple[str, int], Servable] | None = None,
    *,
    labels: Mapping[str, int] | None = None,
    credentials: Any = None,
    fill_catalog: Callable[[Catalog], None] | None = None,
    **options: Any,
) -> AsyncIterator[Caller]:
    """Serve `models`, (name, version) -> servable, half_plus_two 123 if none are given.

    `fill_catalog` does it in their place.
    """
    chosen = Options(**{"port": -1, "access_log": False, **options})
    executor = ThreadPoolExecutor(2)
    metrics = Metrics()
    service = Service(
        options=chosen,
        catalog=Catalog(options=chosen, load=_load, executor=executor, on_run=metrics.ran),
        metrics=metrics,
        hubs=Hubs(executor, metrics),
    )
    await service.catalog.start(ServerConfig())
    if fill_catalog:
        fill_catalog(service.catalog)
    else:
        given = models or {("half_plus_two", 123): HalfPlusTwo()}
        for (name, version), servable in given.items():
            named = [label for label, number in (labels or {}).items() if number == version]
            service.catalog.add(name, version, servable, labels=named)
    server = GrpcServer(service)
    port = await server.start()
    target = f"localhost:{port}" if port else f"unix:{chosen.grpc_socket_path}"
    try:
        async with _channel(target, credentials) as channel:
            yield Caller(service=service, server=server, port=port, channel=channel)
    finally:
        await server.stop(0)
        await service.catalog.stop()
        executor.shutdown()


def _channel(target: str, credentials: Any) -> Any:
    sizes = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=sizes)
    return grpc.aio.secure_channel(target, credentials, options=sizes)


def _load(folder: Path) -> Servable:
    return HalfPlusTwo()


def predict(
    *values: float, name: str = "half_plus_two", shape: Sequence[int] | None = None, **spec: Any
) -> Any:
    """A predict request for x."""
    request = message("PredictRequest")()
    request.model_spec.name = name
    for key, value in spec.items():
        setattr(request.model_spec, key, value)
    fill(request.inputs["x"], "DT_FLOAT", [len(values)] if shape is None else shape, values)
    return request


def fill(proto: Any, dtype: str, shape: Sequence[int], values: Sequence[Any]) -> Any:
    """A `TensorProto` with its values one by one."""
    proto.dtype = BY_NAME[dtype].number
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, BY_NAME[dtype].field).extend(values)
    return proto


def examples(kind: str, *values: float, signature: str, feature: str = "x") -> Any:
    """A classification or regression request, an example a value."""
    request = message(kind)()
    request.model_spec.name = "half_plus_two"
    request.model_spec.signature_name = signature
    for value in values:
        example = request.input.example_list.examples.add()
        example.features.feature[feature].float_list.value.append(value)
    return request
