"""Requests for one loaded model wait together and run together.

Nothing waits while a thread is free. While all are busy, requests gather, and the next free thread
takes its share of them in one run: batches grow with the load and cost an idle server nothing.
`timeout_s` above zero lets the first of a batch wait for others even when a thread is free.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, final

from sonant.serving.joining import Joined, Part, rows_of, run_together
from sonant.serving.servable import Servable
from sonant.serving.status import Code, Refusal, invalid
from sonant.serving.tensors import Tensors

QUEUE_FULL: Final = "The batch scheduling queue to which this task was submitted is full"
TOO_LATE: Final = "Run() timeout exceeded while waiting in batching queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How requests are joined; the defaults suit a CPU."""

    max_batch_size: int = 32
    """Rows of one run."""
    timeout_s: float = 0.0
    """How long the first request of a batch waits for others while a thread is free."""
    max_enqueued_rows: int = 4096
    """Rows that may wait; more are refused."""
    threads: int = 1
    """Runs of one model at the same time."""
    allowed_sizes: tuple[int, ...] = ()
    """Ascending; a batch is filled up to the next of them. None: any size is run as it is."""
    split: bool = True
    """Whether a request with more rows than a batch may have is run in parts, or refused."""
    enabled: bool = True
    """Whether requests are joined at all."""

    def sizes(self) -> tuple[int, ...]:
        """The sizes worth a warm-up: those allowed, or the powers of two up to the largest."""
        largest = self.max_batch_size if self.enabled else 1
        powers = (1 << power for power in range(largest.bit_length()))
        return self.allowed_sizes or tuple(sorted({*powers, largest}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one turn of a thread did, for the metrics."""

    queued_s: float
    """How long its oldest request had waited."""
    parts: Sequence[Part]


@dataclass(slots=True, eq=False)
class _Job:
    signature: str
    inputs: Tensors
    rows: int
    answer: asyncio.Future[Tensors]
    since: float
    deadline: float


@final
class Batcher:
    """The queue before one loaded model; it lives on one event loop."""

    def __init__(
        self,
        servable: Servable,
        *,
        executor: ThreadPoolExecutor,
        batching: Batching,
        on_run: Callable[[Ran], None] | None = None,
    ) -> None:
        """`executor` may be shared with other models; `on_run` hears of each run, on the loop."""
        self.servable: Final = servable
        self.batching: Final = batching
        self._executor = executor
        self._on_run = on_run
        self._queue: deque[_Job] = deque()
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.waiting = 0
        """Rows in the queue."""

    async def run(self, signature: str, inputs: Tensors, *, deadline: float = math.inf) -> Tensors:
        """Answer one request; `deadline` is a time of the loop.

        Raises `Refusal`: the queue is full (UNAVAILABLE), the deadline passed while waiting
        (RESOURCE_EXHAUSTED) or running (DEADLINE_EXCEEDED), or what the model itself refuses.
        """
        rows = rows_of(inputs)
        self._admit(rows)
        # Which loop is running is a system call each time it is asked.
        loop = self._loop = self._loop or asyncio.get_running_loop()
        job = _Job(signature, inputs, rows, loop.create_future(), time.perf_counter(), deadline)
        self._queue.append(job)
        self.waiting += rows
        alarm = None if math.isinf(deadline) else loop.call_at(deadline, self._expire, job)
        self._go()
        try:
            return await job.answer
        finally:
            if alarm:
                alarm.cancel()

    def _admit(self, rows: int) -> None:
        limit = self.batching.max_batch_size
        if rows > limit and not self.batching.split:
            raise invalid(f"Task size {rows} is larger than maximum batch size {limit}")
        # A request that is larger than the whole queue may still have it to itself.
        if self.waiting and self.waiting + rows > self.batching.max_enqueued_rows:
            raise Refusal(Code.UNAVAILABLE, QUEUE_FULL, retry_after_s=1.0)

    def _expire(self, job: _Job) -> None:
        if job.answer.done():
            return
        waits = job in self._queue
        job.answer.set_exception(
            Refusal(Code.RESOURCE_EXHAUSTED, TOO_LATE)
            if waits
            else Refusal(Code.DEADLINE_EXCEEDED, "the deadline passed while the model was running")
        )

    def _go(self) -> None:
        """Start as many runs as there are threads and requests for."""
        loop = self._loop
        assert loop is not None
        while self._queue and self._running < self.batching.threads:
            wait_s = self._queue[0].since + self.batching.timeout_s - time.perf_counter()
            if self.waiting < self.batching.max_batch_size and wait_s > 0:
                if self._timer is None:
                    self._timer = loop.call_later(wait_s, self._ripe)
                return
            jobs = self._take()
            if jobs:
                self._running += 1
                started = time.perf_counter()
                future = loop.run_in_executor(self._executor, self._work, jobs)
                future.add_done_callback(partial(self._done, jobs, started))

    def _ripe(self) -> None:
        self._timer = None
        self._go()

    def _take(self) -> list[_Job]:
        """The oldest requests: this thread's share of all that wait, but no more than a batch."""
        free = self.batching.threads - self._running
        share = min(self.batching.max_batch_size, -(-self.waiting // free))
        jobs: list[_Job] = []
        rows = 0
        while self._queue:
            job = self._queue[0]
            if jobs and (not self.batching.enabled or rows + job.rows > share):
                break
            self._queue.popleft()
            self.waiting -= job.rows
            # Whoever has gone, or got an answer to the deadline, costs no run.
            if not job.answer.done():
                jobs.append(job)
                rows += job.rows
        return jobs

    def _work(self, jobs: Sequence[_Job]) -> Joined:
        requests = [(job.signature, job.inputs) for job in jobs]
        batching = self.batching
        return run_together(
            self.servable,
            requests,
            largest=batching.max_batch_size,
            allowed=batching.allowed_sizes,
        )

    def _done(self, jobs: Sequence[_Job], at: float, done: asyncio.Future[Joined]) -> None:
        self._running -= 1
        joined = done.result()
        for job, outcome in zip(jobs, joined.outcomes, strict=True):
            if job.answer.done():
                continue
            if isinstance(outcome, Exception):
                job.answer.set_exception(outcome)
            else:
                job.answer.set_result(outcome)
        if self._on_run:
            self._on_run(Ran(queued_s=at - jobs[0].since, parts=joined.parts))
        self._go()
