"""The queue before a model: nothing waits without a reason, nothing grows without a bound."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from serving.doubles import Doubling, x
from sonant.serving.batching import QUEUE_FULL, TOO_LATE, Batcher, Batching, Ran
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import DEFAULT_SIGNATURE

ASK = DEFAULT_SIGNATURE


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as found:
        yield found


def busy(executor: ThreadPoolExecutor, **settings: Any) -> tuple[Doubling, Batcher]:
    """A model whose first run waits until the gate is opened."""
    model = Doubling(gate=threading.Event())
    return model, Batcher(model, executor=executor, batching=Batching(**settings))


async def several(batcher: Batcher, count: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.ensure_future(batcher.run(ASK, x(number))) for number in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_a_lone_request_is_run_at_once(executor: ThreadPoolExecutor) -> None:
    model = Doubling()
    batcher = Batcher(model, executor=executor, batching=Batching())
    answer = asyncio.run(batcher.run(ASK, x(4)))
    assert answer["y"].tolist() == [[8.0]]
    assert model.runs == [1]


def test_requests_gather_while_the_thread_is_busy(executor: ThreadPoolExecutor) -> None:
    model, batcher = busy(executor)

    async def ask() -> list[Any]:
        tasks = await several(batcher, 6)
        assert model.gate is not None
        model.gate.set()
        return await asyncio.gather(*tasks)

    answers = asyncio.run(ask())
    assert [answer["y"].item() for answer in answers] == [0, 2, 4, 6, 8, 10]
    assert model.runs == [1, 5]


def test_two_threads_share_what_waits(executor: ThreadPoolExecutor) -> None:
    model = Doubling()
    batcher = Batcher(model, executor=executor, batching=Batching(threads=2, timeout_s=0.05))

    async def ask() -> None:
        await asyncio.gather(*await several(batcher, 8))

    asyncio.run(ask())
    assert sorted(model.runs) == [4, 4]


def test_without_batching_everybody_runs_alone(executor: ThreadPoolExecutor) -> None:
    model, batcher = busy(executor, enabled=False)

    async def ask() -> None:
        tasks = await several(batcher, 4)
        assert model.gate is not None
        model.gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(ask())
    assert model.runs == [1, 1, 1, 1]


def test_a_full_queue_refuses_and_says_when_to_come_back(executor: ThreadPoolExecutor) -> None:
    model, batcher = busy(executor, max_enqueued_rows=2)

    async def ask() -> Refusal:
        tasks = await several(batcher, 3)
        with pytest.raises(Refusal) as refused:
            await batcher.run(ASK, x(9))
        assert model.gate is not None
        model.gate.set()
        await asyncio.gather(*tasks)
        return refused.value

    refusal = asyncio.run(ask())
    assert (refusal.code, refusal.message) == (Code.UNAVAILABLE, QUEUE_FULL)
    assert refusal.retry_after_s


def test_a_deadline_passes_while_waiting_and_while_running(executor: ThreadPoolExecutor) -> None:
    model, batcher = busy(executor)

    async def ask() -> list[Any]:
        soon = asyncio.get_running_loop().time() + 0.05
        tasks = [asyncio.ensure_future(batcher.run(ASK, x(n), deadline=soon)) for n in (1, 2)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert model.gate is not None
        model.gate.set()
        return found

    running, waiting = asyncio.run(ask())
    assert (running.code, waiting.code) == (Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED)
    assert waiting.message == TOO_LATE


def test_what_expired_or_was_given_up_is_never_run(executor: ThreadPoolExecutor) -> None:
    model, batcher = busy(executor)

    async def ask() -> None:
        first, second, third = await several(batcher, 3)
        second.cancel()
        await asyncio.sleep(0)
        assert model.gate is not None
        model.gate.set()
        await asyncio.gather(first, third)

    asyncio.run(ask())
    assert model.runs == [1, 1]
    assert batcher.waiting == 0


def test_a_request_larger_than_a_batch_is_split_or_refused(executor: ThreadPoolExecutor) -> None:
    model = Doubling()
    batcher = Batcher(model, executor=executor, batching=Batching(max_batch_size=2))
    answer = asyncio.run(batcher.run(ASK, x(1, 2, 3, 4, 5)))
    assert answer["y"].reshape(-1).tolist() == [2, 4, 6, 8, 10]
    assert model.runs == [2, 2, 1]
    strict = Batcher(model, executor=executor, batching=Batching(max_batch_size=32, split=False))
    with pytest.raises(Refusal, match="Task size 64 is larger than maximum batch size 32"):
        asyncio.run(strict.run(ASK, x(*range(14, 78))))


def test_what_ran_is_told(executor: ThreadPoolExecutor) -> None:
    told: list[Ran] = []
    batcher = Batcher(Doubling(), executor=executor, batching=Batching(), on_run=told.append)
    asyncio.run(batcher.run(ASK, x(1, 2)))
    assert [part.rows for ran in told for part in ran.parts] == [2]
    assert told[0].queued_s >= 0


@pytest.mark.parametrize(
    ("batching", "sizes"),
    [
        (Batching(max_batch_size=6), (1, 2, 4, 6)),
        (Batching(max_batch_size=8, allowed_sizes=(1, 8)), (1, 8)),
        (Batching(enabled=False), (1,)),
    ],
)
def test_every_size_of_batch_that_is_met_is_warmed_up(
    batching: Batching, sizes: tuple[int, ...]
) -> None:
    assert batching.sizes() == sizes
