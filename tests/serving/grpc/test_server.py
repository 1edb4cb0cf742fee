"""Where the server listens, and what it says it can do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.grpc.caller import Caller, predict, serving
from sonant.errors import ServeError


def test_two_servers_never_share_a_port() -> None:
    async def main() -> None:
        async with serving() as call:
            with pytest.raises(ServeError, match="choose a port with --port"):
                async with serving(port=call.port):
                    pass

    asyncio.run(main())


def test_a_unix_socket_will_do_without_a_port(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(port=0, grpc_socket_path=str(tmp_path / "grpc.sock")) as call:
            assert call.port == 0
            reply = await call("Predict", predict(2.0))
            assert list(reply.outputs["y"].float_val) == [3.0]

    asyncio.run(main())


def test_a_server_can_be_started_again_on_the_same_port() -> None:
    async def main() -> None:
        async with serving() as call:
            port = call.port
        async with serving(port=port) as call:
            assert call.port == port
            await call("Predict", predict(2.0))

    asyncio.run(main())


async def reflected(call: Caller, **asked: str) -> reflection_pb2.ServerReflectionResponse:
    stub = reflection_pb2_grpc.ServerReflectionStub(call.channel)
    stream = stub.ServerReflectionInfo(timeout=10)
    await stream.write(reflection_pb2.ServerReflectionRequest(**asked))
    reply = await stream.read()
    await stream.done_writing()
    return reply


def test_reflection_lists_the_services_and_describes_the_messages() -> None:
    async def main() -> None:
        async with serving() as call:
            listed = await reflected(call, list_services="")
            assert [one.name for one in listed.list_services_response.service] == [
                "grpc.health.v1.Health",
                "grpc.reflection.v1alpha.ServerReflection",
                "tensorflow.serving.ModelService",
                "tensorflow.serving.PredictionService",
            ]
            for service in listed.list_services_response.service:
                found = await reflected(call, file_containing_symbol=service.name)
                files = [
                    descriptor_pb2.FileDescriptorProto.FromString(data)
                    for data in found.file_descriptor_response.file_descriptor_proto
                ]
                names = [f"{file.package}.{one.name}" for file in files for one in file.service]
                assert service.name in names

    asyncio.run(main())


def test_an_open_reflection_stream_does_not_hold_up_the_end() -> None:
    async def main() -> None:
        async with serving() as call:
            stub = reflection_pb2_grpc.ServerReflectionStub(call.channel)
            stream = stub.ServerReflectionInfo(timeout=30)
            await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            await stream.read()
            call.service.draining.set()
            await asyncio.wait_for(call.server.stop(20), 10)

    asyncio.run(main())


@pytest.mark.parametrize("library", ["grpc", "google.protobuf", "grpc_health"])
def test_without_the_extra_it_says_how_to_get_it(library: str) -> None:
    program = f"import sys; sys.modules['{library}'] = None; import sonant.serving.grpc"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'sonant[grpc]'" in done.stderr
    assert "MissingExtra" in done.stderr
