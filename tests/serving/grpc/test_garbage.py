"""Garbage over gRPC: every call ends, with a code that blames the caller."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.grpc.caller import Caller, examples, predict, serving
from sonant.serving.grpc.protos import MODELS, PREDICTION, message, pool

CALLERS_FAULT = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"}
METHODS = [
    f"/{service}/{method.name}"
    for service in (PREDICTION, MODELS)
    for method in pool().FindServiceByName(service).methods
    # What garbage could say there is not to be tried: it names folders.
    if method.name != "HandleReloadConfigRequest"
]
OTHERS = ["/grpc.health.v1.Health/Check", "/tensorflow.serving.PredictionService/Nope", "/a/b"]


async def ending(call: Caller, path: str, data: bytes) -> str:
    try:
        await call.channel.unary_unary(path)(data, timeout=20)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"


def mutated(rng: random.Random, whole: bytes) -> bytes:
    """A real message with a few bytes changed, cut or repeated."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) or 1)
        match rng.randrange(4):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.randint(1, 4)]
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 6))
            case _:
                data = data[:at] + data[at : at + 20] * 3 + data[at + 20 :]
    return bytes(data)


def seeds() -> list[Any]:
    return [
        predict(2.0, 3.0),
        predict(2.0, shape=[2, 2], signature_name="with_copy"),
        examples("ClassificationRequest", 2.0, 3.0, signature="classify_x_to_y"),
        examples("RegressionRequest", 2.0, signature="regress_x_to_y"),
    ]


@pytest.mark.parametrize("path", [*METHODS, *OTHERS])
def test_garbage_is_the_callers_fault(path: str) -> None:
    async def main() -> None:
        rng = random.Random(path)
        whole = [seed.SerializeToString() for seed in seeds()]
        async with serving(max_body_bytes=2**20) as call:
            noise = [rng.randbytes(rng.randint(0, 60)) for _ in range(60)]
            bent = [mutated(rng, rng.choice(whole)) for _ in range(200)]
            endings = await asyncio.gather(*(ending(call, path, data) for data in noise + bent))
            assert set(endings) <= {"OK"} | CALLERS_FAULT
            good = await call("Predict", predict(2.0))
            assert list(good.outputs["y"].float_val) == [3.0]

    asyncio.run(main())


def test_garbage_for_a_reload_never_ends_in_a_fault(tmp_path: Path) -> None:
    async def main() -> None:
        rng = random.Random(7)
        (tmp_path / "7").mkdir()
        real = message("ReloadConfigRequest")()
        model = real.config.model_config_list.config.add(
            name="a", base_path=str(tmp_path), model_platform="tensorflow"
        )
        model.model_version_policy.specific.versions.append(7)
        model.version_labels["stable"] = 7
        whole = real.SerializeToString()
        path = f"/{MODELS}/HandleReloadConfigRequest"
        async with serving(max_num_load_retries=0) as call:
            for data in [rng.randbytes(20) for _ in range(20)] + [
                mutated(rng, whole) for _ in range(60)
            ]:
                assert await ending(call, path, data) in {"OK"} | CALLERS_FAULT
            assert await ending(call, path, whole) == "OK"
            assert (
                await ending(
                    call, f"/{PREDICTION}/Predict", predict(2.0, name="a").SerializeToString()
                )
                == "OK"
            )

    asyncio.run(main())


def test_deep_nesting_is_refused() -> None:
    async def main() -> None:
        async with serving() as call:
            # Groups of an unknown field, one inside the other.
            for deep in (b"\x7b" * 100_000, b"\x0b" * 100_000):
                assert await ending(call, METHODS[0], deep) == "INVALID_ARGUMENT"

    asyncio.run(main())
