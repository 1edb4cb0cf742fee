"""The group `grpc` of the table: each case is sent to a real server over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from conformance.grpc_replies import holds
from conformance.grpc_requests import Reader
from serving.fakes import fill, table_models
from serving.grpc.caller import PATIENCE_S, serving
from sonant.serving.grpc.protos import pool

FULL_NAMES = {"hpt": "half_plus_two", "hpt2v": "multi", "two_in": "two_in", "fanout": "fanout"}


def check(case: Mapping[str, Any]) -> None:
    """Send one case; raises `AssertionError` where code, text or reply is another."""
    asyncio.run(_check(case))


async def _check(case: Mapping[str, Any]) -> None:
    package = case["request"]["path"].strip("/")
    service, _, method = case["request"]["method"].removeprefix("gRPC").strip().partition("/")
    name = FULL_NAMES.get(case["model"], case["model"])
    servable = next((one.servable for one in table_models() if one.name == name), None)
    assert servable is not None, f"no model {case['model']}"
    reader = Reader(name, servable)
    described = _described(f"{package}.{service}", method)
    data = b""
    if described is not None:
        request = reader.read(case["request"]["body"], GetMessageClass(described.input_type))
        data = request.SerializeToString()
    async with serving(fill_catalog=fill) as caller:
        call = caller.channel.unary_unary(f"/{package}.{service}/{method}")
        try:
            answer = await call(data, timeout=PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            inputs = {key for found in servable.signatures.values() for key in found.inputs}
            _compare_error(case, error.code().name, str(error.details()), inputs)
            return
    assert case["expect_status"] == "OK", f"answered, want {case['expect_status']}"
    assert described is not None, "a method that is not there answered"
    holds(GetMessageClass(described.output_type).FromString(answer), case["expect_body"])


def _described(service: str, method: str) -> Any:
    """The descriptor of a method, None where the server has none of the name."""
    health = health_pb2.DESCRIPTOR.services_by_name["Health"]
    try:
        found = health if service == health.full_name else pool().FindServiceByName(service)
    except KeyError:
        return None
    return found.methods_by_name.get(method)


def _compare_error(case: Mapping[str, Any], code: str, text: str, inputs: set[str]) -> None:
    said = f"{code}: {text}"
    assert code == case["expect_status"], f"{said}, want {case['expect_status']}"
    wanted = case["expect_body"]
    if isinstance(wanted, Mapping):
        wanted = wanted.get("error", "")
    if wanted.startswith("<"):
        # In words: what they ask for is that the client learns a name.
        assert any(name in text.split("{")[0] for name in inputs), f"{said}, want {wanted}"
    elif case["match"] == "exact":
        # A reason may follow the words of TensorFlow Serving.
        assert text == wanted or text.startswith(f"{wanted}: "), f"{said}, want {wanted}"
    elif case["match"] != "status_only":
        assert wanted in text, f"{said}, want {wanted}"
