"""All live streams of one loaded graph, on common steps.

A step takes every stream that has a step's worth of samples, whatever its age, in one run on an
inference thread; while it runs, others gather, so steps grow with the load, and an idle hub answers
at once. What a stream sends ahead of the steps waits in its inbox, which is bounded: whoever awaits
`Stream.room` before reading on holds his client back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, final
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from sonant.errors import ServeError
from sonant.listening import decision_of
from sonant.runtime.arena import Arena
from sonant.runtime.session import Probabilities, StreamGraph
from sonant.serving.running import Running
from sonant.serving.status import Code, Refusal
from sonant.serving.streams import recent
from sonant.serving.streams.stream import Listener, Stream

AHEAD_S: Final = 2.0
"""Sound that may wait in a stream's inbox before its client is held back."""
PACE_S: Final = 0.004
"""From the beginning of a step to the next, unless all streams are ready: few large steps cost less."""
FEW: Final = 16
"""So many streams are stepped without any pace."""
ALL_TAKEN: Final = "all live streams of this server are taken; try again later"


class Counted(Protocol):
    """Whoever counts streams and steps."""

    def stream(self, model: str, delta: int, /) -> None: ...  # noqa: D102
    def step(self, model: str, streams: int, seconds: float, /) -> None: ...  # noqa: D102


@dataclass(slots=True, kw_only=True)
class _Step:
    """What one turn of an inference thread has to do, and what came of it."""

    closing: Sequence[Stream]
    streams: Sequence[Stream]
    pcm: Sequence[bytearray]
    """Of the first streams, int16."""
    floats: Sequence[bytearray]
    """Of the others, float32."""
    answers: Probabilities | None = None
    """[streams, frames, labels]."""
    peaks: Sequence[float] = ()
    """The highest answer of any keyword, for each stream."""
    seconds: float = 0.0


@final
class Hub:
    """The streams of one loaded version; it lives on one event loop."""

    def __init__(
        self,
        running: Running,
        *,
        executor: Executor,
        metrics: Counted | None,
        limit: int,
        keeps_recent: bool = False,
    ) -> None:
        """`keeps_recent`: connections keep the last seconds of sound, to be counted as memory.

        Raises `Refusal` (FAILED_PRECONDITION) where the model does not stream.
        """
        graph = graph_of(running)
        self.running: Final = running
        self.arena: Final = Arena(graph, limit=limit)
        self.spec = graph.stream
        self.hops = self.arena.hops
        self.step_samples = self.arena.step_samples
        ahead = round(AHEAD_S * graph.card.audio.rate_hz)
        self.ahead_samples = max(2 * self.step_samples, ahead)
        self._recent_bytes = recent.bytes_of(graph.card.audio.rate_hz) if keeps_recent else 0
        background = decision_of(graph.card).background
        labels = enumerate(graph.card.labels)
        self._keywords = [column for column, label in labels if label not in background]
        self._executor = executor
        self._metrics = metrics
        self._ready: list[Stream] = []
        self._closing: list[Stream] = []
        self._runs = False
        self._began = 0.0
        self._timer: asyncio.Handle | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def bytes_per_stream(self) -> int:
        """Memory that one stream takes at most, but for what the transport keeps of it."""
        return self.arena.bytes_per_stream + 4 * self.ahead_samples + self._recent_bytes

    def open(self, listener: Listener, *, on_failure: Callable[[Exception], None]) -> Stream:
        """Begin a stream, from silence; `on_failure` hears, once, why it cannot go on.

        Raises `Refusal` (UNAVAILABLE) where there are as many as may be.
        """
        if self._count >= self.arena.limit:
            raise Refusal(Code.UNAVAILABLE, ALL_TAKEN, retry_after_s=1.0)
        stream = Stream(self, listener, on_failure)
        self._count += 1
        if self._metrics:
            self._metrics.stream(self.running.name, 1)
        return stream

    def leave(self, stream: Stream) -> None:
        """A stream has closed; for `Stream`."""
        self._count -= 1
        if self._metrics:
            self._metrics.stream(self.running.name, -1)
        self._closing.append(stream)
        if not self._runs:
            self._close_rows()

    def enqueue(self, stream: Stream) -> None:
        """A stream has samples for a step; for `Stream`."""
        stream.is_queued = True
        self._ready.append(stream)
        if not self._runs and self._timer is None:
            # Not at once: what else has come in by now goes in the same step.
            self._timer = asyncio.get_running_loop().call_soon(self._go)

    def _go(self) -> None:
        """Start a step with all that are ready, now or soon."""
        self._timer = None
        loop = asyncio.get_running_loop()
        ripe = self._began + PACE_S
        if self._count > FEW and len(self._ready) < self._count and loop.time() < ripe:
            self._timer = loop.call_at(ripe, self._go)
            return
        step = self._next()
        if not step.streams:
            self._close_rows()
            return
        self._began = loop.time()
        self._runs = True
        try:
            future = loop.run_in_executor(self._executor, self._work, step)
        except RuntimeError as error:  # the executor takes nothing any more
            self._over(step, ServeError(f"the server is ending ({error})"))
            return
        future.add_done_callback(partial(self._done, step))

    def _next(self) -> _Step:
        ready = [stream for stream in self._ready if not stream.is_closed]
        closing, self._ready, self._closing = self._closing, [], []
        pcm = [stream for stream in ready if not stream.is_float]
        floats = [stream for stream in ready if stream.is_float]
        if not ready:
            self._closing = closing
        return _Step(
            closing=closing,
            streams=pcm + floats,
            pcm=[stream.take() for stream in pcm],
            floats=[stream.take() for stream in floats],
        )

    def _work(self, step: _Step) -> None:
        """On an inference thread; nobody else touches the arena meanwhile."""
        started = time.perf_counter()
        self._close_rows(step.closing)
        rows = []
        for stream in step.streams:
            if stream.row is None:
                stream.row = self.arena.open()
            rows.append(stream.row)
        blocks = [_block(step.pcm, "<i2"), _block(step.floats, "<f4")]
        answers = self.arena.step(rows, [block for block in blocks if len(block)])
        # A few thousand numbers at once cost less than a few for each of many streams.
        peaks = answers[:, :, self._keywords].max(axis=(1, 2), initial=0.0)
        step.answers, step.peaks = answers, peaks.tolist()
        step.seconds = time.perf_counter() - started

    def _close_rows(self, streams: Sequence[Stream] | None = None) -> None:
        """Give back the rows of streams that have closed: those given, or all so far."""
        if streams is None:
            streams, self._closing = self._closing, []
        for stream in streams:
            if stream.row is not None:
                self.arena.close(stream.row)
                stream.row = None

    def _done(self, step: _Step, future: asyncio.Future[None]) -> None:
        error = ServeError("the server is ending") if future.cancelled() else future.exception()
        self._over(step, error if isinstance(error, Exception) else None)

    def _over(self, step: _Step, error: Exception | None) -> None:
        """Give everybody his answers, or why there are none, and go on."""
        if error is None and step.answers is not None:
            if self._metrics:
                self._metrics.step(self.running.name, len(step.streams), step.seconds)
            for stream, rows, peak in zip(step.streams, step.answers, step.peaks, strict=True):
                self._tell(stream, rows, peak)
        else:
            for stream in step.streams:
                stream.failed(error or ServeError("the step was given up"))
        self._runs = False
        if self._ready:
            self._go()
        elif self._closing:
            self._close_rows()

    def _tell(self, stream: Stream, rows: Probabilities, peak: float) -> None:
        if stream.is_closed:
            return
        try:
            stream.told(rows, peak)
        except Exception as error:  # whatever it is, it is this stream's alone
            stream.failed(error)
        stream.is_queued = stream.is_ripe
        if stream.is_queued:
            self._ready.append(stream)


@final
class Hubs:
    """The hub of every version that has live streams, and how many may listen in all."""

    def __init__(
        self,
        executor: Executor,
        metrics: Counted | None = None,
        *,
        max_streams: int = 1024,
        keeps_recent: bool = False,
    ) -> None:
        """Steps run on `executor`, beside all other runs; `max_streams` connections may listen.

        `keeps_recent`: the speakers of detections are asked for; see `recent`.
        """
        self.max_streams: Final = max_streams
        self._executor = executor
        self._metrics = metrics
        self._keeps_recent = keeps_recent
        # A hub is there for as long as anybody has a stream of it.
        self._hubs: WeakValueDictionary[int, Hub] = WeakValueDictionary()
        self.seats = 0
        """Connections that listen."""

    def __len__(self) -> int:
        return len(self._hubs)

    def of(self, running: Running) -> Hub:
        """The hub of a version that the caller holds; raises `Refusal` where it does not stream."""
        hub = self._hubs.get(id(running))
        if hub is None:
            hub = Hub(
                running,
                executor=self._executor,
                metrics=self._metrics,
                limit=self.max_streams,
                keeps_recent=self._keeps_recent,
            )
            self._hubs[id(running)] = hub
        return hub

    @contextmanager
    def seat(self) -> Iterator[None]:
        """A place for one connection that listens; raises `Refusal` (UNAVAILABLE) where all are taken."""
        if self.seats >= self.max_streams:
            raise Refusal(Code.UNAVAILABLE, ALL_TAKEN, retry_after_s=1.0)
        self.seats += 1
        try:
            yield
        finally:
            self.seats -= 1


def graph_of(running: Running) -> StreamGraph:
    """The step graph of a version; raises `Refusal` (FAILED_PRECONDITION) where it has none."""
    graph = running.servable.stream
    if graph is None:
        raise Refusal(
            Code.FAILED_PRECONDITION,
            f"model {running.name}, version {running.version} does not hear streams, only whole "
            f"clips: ask it by predict",
        )
    return graph


def _block(parts: Sequence[bytearray], kind: str) -> NDArray[Any]:
    """One line for each of several streams."""
    return np.frombuffer(b"".join(parts), kind).reshape(len(parts), -1) if parts else np.empty(0)
