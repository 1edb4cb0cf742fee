"""grpc.health: readiness as it is at that moment, without a token."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.grpc.caller import Caller, serving

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def check(caller: Caller, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(caller.channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
    status: int = reply.status
    return status


@pytest.mark.parametrize("service", ["", "tensorflow.serving.PredictionService"])
def test_it_serves_until_it_is_told_to_go(service: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough")

    async def main() -> None:
        async with serving(token_file=token) as caller:
            assert await check(caller, service) == SERVING
            await caller.service.catalog.unload("half_plus_two")
            caller.service.draining.set()
            assert await check(caller, service) == NOT_SERVING

    asyncio.run(main())


def test_a_service_that_is_not_there_is_not_found() -> None:
    async def main() -> None:
        async with serving() as caller:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await check(caller, "nope")
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    asyncio.run(main())


def test_a_watcher_hears_of_the_end_and_is_let_go() -> None:
    async def main() -> None:
        async with serving() as caller:
            stub = health_pb2_grpc.HealthStub(caller.channel)
            unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nope"), timeout=10)
            assert (await anext(aiter(unknown))).status == UNKNOWN
            unknown.cancel()
            heard = []
            watching = stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)
            async for reply in watching:
                heard.append(reply.status)
                caller.service.draining.set()
            assert heard == [SERVING, NOT_SERVING]

    asyncio.run(main())


def test_it_can_be_switched_off() -> None:
    async def main() -> None:
        async with serving(enable_grpc_healthcheck_service=False) as caller:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await check(caller)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    asyncio.run(main())
