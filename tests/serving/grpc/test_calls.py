"""What every call goes through: token, deadline, cancellation, limits, numbers, and faults that stay in."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import threading
import zlib
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.grpc.caller import Caller, path_and_reply, predict, serving
from serving.grpc.half_plus_two import HalfPlusTwo
from sonant.serving.spec import ModelSpec

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def test_only_the_token_opens(token_file: Path) -> None:
    async def main() -> None:
        async with serving(token_file=token_file) as call:
            for metadata in ((), (("authorization", "Bearer nope"),), (("authorization", TOKEN),)):
                code, text = await call.refused("Predict", predict(2.0), metadata=metadata)
                assert code == "UNAUTHENTICATED"
                assert TOKEN not in text
            shown = (("authorization", f"Bearer {TOKEN}"),)
            reply = await call("Predict", predict(2.0), metadata=shown)
            assert list(reply.outputs["y"].float_val) == [3.0]

    asyncio.run(main())


def test_nothing_new_begins_once_the_server_is_going() -> None:
    async def main() -> None:
        async with serving() as call:
            call.service.draining.set()
            code, _ = await call.refused("Predict", predict(2.0))
            assert code == "UNAVAILABLE"

    asyncio.run(main())


def test_what_runs_when_the_server_stops_is_answered() -> None:
    async def main() -> None:
        model = HalfPlusTwo(gate=threading.Event(), started=threading.Event())
        async with serving({("half_plus_two", 1): model}) as call:
            asked = asyncio.create_task(call("Predict", predict(2.0)))
            await asyncio.to_thread(model.started.wait, 10)
            call.service.draining.set()
            stopping = asyncio.create_task(call.server.stop(10))
            await asyncio.sleep(0.05)
            assert not asked.done()
            model.gate.set()
            assert list((await asked).outputs["y"].float_val) == [3.0]
            await stopping

    asyncio.run(main())


def test_the_clients_deadline_holds_and_what_waits_is_never_run() -> None:
    async def main() -> None:
        model = HalfPlusTwo(gate=threading.Event(), started=threading.Event())
        async with serving({("half_plus_two", 1): model}, inference_threads=1) as call:
            first = asyncio.create_task(call("Predict", predict(2.0)))
            await asyncio.to_thread(model.started.wait, 10)
            code, _ = await call.refused("Predict", predict(666.0), timeout=0.2)
            assert code == "DEADLINE_EXCEEDED"
            model.gate.set()
            # Had the second one run beside the first, the first would have failed with it.
            assert list((await first).outputs["y"].float_val) == [3.0]

    asyncio.run(main())


def test_a_client_that_leaves_costs_no_run() -> None:
    async def main() -> None:
        model = HalfPlusTwo(gate=threading.Event(), started=threading.Event())
        async with serving({("half_plus_two", 1): model}, inference_threads=1) as call:
            first = asyncio.create_task(call("Predict", predict(2.0)))
            await asyncio.to_thread(model.started.wait, 10)
            path, _ = path_and_reply("Predict")
            second = call.channel.unary_unary(path)(predict(1.0).SerializeToString(), timeout=20)
            while not waiting(call):
                await asyncio.sleep(0.01)
            second.cancel()
            while in_hand(call) > 1:
                await asyncio.sleep(0.01)
            model.gate.set()
            await first
        assert model.runs == 1

    asyncio.run(main())


def held(call: Caller) -> Any:
    return call.service.catalog.held(ModelSpec(name="half_plus_two"))


def waiting(call: Caller) -> int:
    with held(call) as running:
        return running.batcher.waiting


def in_hand(call: Caller) -> int:
    with held(call) as running:
        return running.in_hand - 1


def test_a_fault_of_the_model_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving() as call:
            metadata = (("x-request-id", "mine"),)
            code, text = await call.refused("Predict", predict(666.0), metadata=metadata)
            assert (code, text) == ("INTERNAL", "internal error; request id mine")
            await call("Predict", predict(2.0))

    asyncio.run(main())
    assert "the beast" in caplog.text
    assert "mine" in caplog.text


def test_a_long_error_text_is_cut_to_what_a_header_holds() -> None:
    async def main() -> None:
        async with serving() as call:
            code, text = await call.refused("Predict", predict(2.0, name="ä" * 100_000))
            assert code == "NOT_FOUND"
            assert text.startswith("Servable not found for request: Latest(ää")
            assert len(text) < 1000

    asyncio.run(main())


def test_a_message_over_the_limit_is_refused_but_not_the_next_one() -> None:
    async def main() -> None:
        async with serving(max_body_bytes=2000) as call:
            code, _ = await call.refused("Predict", predict(*[1.0] * 1000))
            assert code == "RESOURCE_EXHAUSTED"
            reply = await call("Predict", predict(*[1.0] * 100))
            assert len(reply.outputs["y"].float_val) == 100

    asyncio.run(main())


def test_compressed_messages_are_read_within_the_limit() -> None:
    async def main() -> None:
        async with serving(max_body_bytes=2**20) as call:
            for how in (grpc.Compression.Gzip, grpc.Compression.Deflate):
                reply = await call("Predict", predict(*[2.0] * 1000), compression=how)
                assert set(reply.outputs["y"].float_val) == {3.0}
                bomb = b"\0" * 2**23
                code, text = await call.refused("Predict", bomb, compression=how)
                assert code == "RESOURCE_EXHAUSTED"
                assert "unpacks to more than" in text
            for half in (
                gzip.compress(b"a" * 100)[:-9],
                zlib.compress(b"a" * 100)[:-5],
                b"\x1f\x8b",
            ):
                code, _ = await call.refused("Predict", half)
                assert code == "INVALID_ARGUMENT"

    asyncio.run(main())


def test_every_call_is_counted_and_logged_without_its_secrets(
    token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> str:
        async with serving(token_file=token_file, access_log=True) as call:
            shown = (("authorization", f"Bearer {TOKEN}"), ("x-request-id", "mine"))
            await call("Predict", predict(2.0), metadata=shown)
            await call.refused("Predict", predict(2.0, name="foo"), metadata=shown)
            return str(call.service.metrics.text(call.service))

    with caplog.at_level(logging.INFO, logger="sonant.access"):
        text = asyncio.run(main())
    first, second = [
        json.loads(record.getMessage())
        for record in caplog.records
        if record.name == "sonant.access"
    ]
    assert first["id"] == "mine"
    assert first["path"] == "/tensorflow.serving.PredictionService/Predict"
    assert (first["status"], second["status"]) == ("OK", "NOT_FOUND")
    assert TOKEN not in caplog.text
    counted = [line for line in text.splitlines() if "GRPC" in line and "half_plus_two" in line]
    assert counted
