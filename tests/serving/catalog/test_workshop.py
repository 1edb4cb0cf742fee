"""From a folder to a version that answers: loaded, then warmed with every size."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from serving.catalog.fake_versions import Fake, Fakes, workshop, write
from sonant.errors import BundleError, MissingExtra
from sonant.serving.catalog.workshop import told
from sonant.serving.status import Code, Refusal


def warmed(tmp_path: Path, **options: object) -> list[int]:
    async def scene() -> list[int]:
        async with workshop(Fakes(), **options) as made:
            running = await made.bring_up("a", 1, write(tmp_path, "1") / "1")
            assert (running.name, running.version) == ("a", 1)
            assert isinstance(running.servable, Fake)
            return running.servable.warmed

    return asyncio.run(scene())


def test_every_size_of_batch_is_run_before_it_answers(tmp_path: Path) -> None:
    assert warmed(tmp_path) == [1, 2, 4]


def test_warm_up_can_be_left_out(tmp_path: Path) -> None:
    assert warmed(tmp_path, enable_model_warmup=False) == []


def test_a_batching_file_beside_the_model_is_honoured(tmp_path: Path) -> None:
    (write(tmp_path, "1") / "batching_params.pbtxt").write_text("allowed_batch_sizes: [3, 4]")
    assert warmed(tmp_path, enable_per_model_batching_parameters=True) == [3, 4]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Refusal(Code.UNAVAILABLE, "later"), Code.UNAVAILABLE, "later"),
        (BundleError("m/1: damaged"), Code.DATA_LOSS, "m/1: damaged"),
        (MemoryError(), Code.RESOURCE_EXHAUSTED, "not enough memory to load it"),
        (ZeroDivisionError("oh"), Code.INTERNAL, "ZeroDivisionError: oh"),
    ],
)
def test_a_failure_has_a_code_and_says_what_it_was(
    error: Exception, code: Code, message: str
) -> None:
    assert told(error) == (code, message)


def test_a_missing_library_is_named() -> None:
    code, message = told(MissingExtra("grpcio", extra="serve", purpose="gRPC"))
    assert code is Code.FAILED_PRECONDITION
    assert "grpcio" in message
