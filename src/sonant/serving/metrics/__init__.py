"""What the server counts: the text that Prometheus reads, and the statistics of KServe."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Protocol, final

from sonant import __version__
from sonant.serving.batching import Ran
from sonant.serving.metrics.aliases import Aliases
from sonant.serving.metrics.families import Families
from sonant.serving.metrics.process import usage
from sonant.serving.metrics.series import Counter, Family, Gauge
from sonant.serving.running import Running
from sonant.serving.spec import ModelSpec, State, VersionStatus
from sonant.serving.status import Code, Refusal

__all__ = ["CONTENT_TYPE", "UNKNOWN", "Metrics", "Work"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN: Final = "unknown"
"""Stands for the model of every request for one that is not there: that name is the client's to choose."""
VERSIONS_KEPT: Final = 16
"""Versions of one model with numbers of their own; the oldest gives way to the next."""


class Models(Protocol):
    """What is asked of the catalog."""

    def names(self) -> Collection[str]:
        """Every model there is."""

    def available(self, name: str, /) -> Collection[int]:
        """The versions that answer."""

    def statuses(self, spec: ModelSpec, /) -> Collection[VersionStatus]:
        """How each version stands."""

    def held(self, spec: ModelSpec, /) -> AbstractContextManager[Running]:
        """One of them."""


class Watched(Protocol):
    """What is asked of the service."""

    @property
    def catalog(self) -> Models:
        """The models."""

    @property
    def ready(self) -> bool:
        """Whether all of them answer."""


@final
@dataclass(slots=True)
class Work:
    """What one version has done so far."""

    requests: int = 0
    """Requests in runs that went well."""
    rows: int = 0
    runs: int = 0
    queue_s: float = 0.0
    """How long the oldest request of each turn had waited, added up."""
    run_s: float = 0.0
    last: float = 0.0
    """When it last ran, in seconds since 1970."""
    sizes: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Rows of a run -> how many runs had so many, and how long they took together."""


@final
class Metrics:
    """All numbers of one server; any thread may tell of something."""

    def __init__(self, known: Callable[[], Collection[str]] = tuple) -> None:
        """`known` gives the names of the models that there are; it may be set later."""
        self.known = known
        self._named: set[str] = set()
        self._work: dict[tuple[str, str], Work] = {}
        self._families = Families()
        self._aliases = Aliases()
        self._started = time.time()
        self._lock = Lock()

    def request(
        self, model: str, *, api: str, entrypoint: str, code: Code, seconds: float, rows: int = 1
    ) -> None:
        """A request was answered; `api` and `entrypoint` have few values, `model` may be anything."""
        families = self._families
        with self._lock:
            model = self._name(model)
            families.requests.add((model, api, entrypoint, code.name))
            if code is Code.OK:
                families.request_seconds.observe((model, api, entrypoint), seconds)
                families.rows.add((model, api), rows)
            self._aliases.request(
                model, api=api, entrypoint=entrypoint, code=code, seconds=seconds, rows=rows
            )

    def ran(self, model: str, version: int, ran: Ran) -> None:
        """A thread took its turn on requests of one version."""
        labels = (model, str(version))
        families = self._families
        with self._lock:
            self._named.add(model)
            work = self._work.get(labels) or self._opened(labels)
            work.queue_s += ran.queued_s
            work.last = time.time()
            families.queue_seconds.observe(labels, ran.queued_s)
            for part in ran.parts:
                work.requests += part.requests
                work.rows += part.rows
                work.runs += 1
                work.run_s += part.seconds
                runs, seconds = work.sizes.get(part.rows, (0, 0.0))
                work.sizes[part.rows] = (runs + 1, seconds + part.seconds)
                families.batch_rows.observe(labels, part.rows)
                families.batch_requests.observe(labels, part.requests)
                families.run_seconds.observe(labels, part.seconds)
                families.padding_rows.add(labels, part.padding)
            self._aliases.ran(model, ran)

    def stream(self, model: str, delta: int) -> None:
        """Live streams began (`delta` above zero) or ended."""
        with self._lock:
            self._named.add(model)
            self._families.streams.add((model,), delta)
            self._families.streams_total.add((model,), max(delta, 0))

    def step(self, model: str, streams: int, seconds: float) -> None:
        """One step of a graph for several live streams together."""
        with self._lock:
            self._families.step_seconds.observe((model,), seconds)
            self._families.step_streams.observe((model,), streams)

    def work(self, model: str, version: int) -> Work:
        """What a version has done; nothing where it never ran."""
        return self._work.get((model, str(version)), Work())

    def failures(self, model: str) -> int:
        """Requests for a model that did not go well."""
        with self._lock:
            return int(self._families.requests.total(model, but=Code.OK.name))

    def text(self, service: Watched) -> str:
        """Everything, as Prometheus reads it; to be called on the loop of the service."""
        now = list(self._now(service))
        with self._lock:
            families = (*self._families.all(), *now, *self._aliases.families())
            lines = [line for family in families for line in family.lines()]
        return "\n".join(lines) + "\n"

    def _name(self, model: str) -> str:
        """The model as a label: a name that is no model's makes no series of its own."""
        if model in self._named or not model:
            return model
        if model not in self.known():
            return UNKNOWN
        self._named.add(model)
        return model

    def _opened(self, labels: tuple[str, str]) -> Work:
        """The numbers of a version that never ran; the oldest version makes room."""
        versions = [other for other in self._work if other[0] == labels[0]]
        if len(versions) >= VERSIONS_KEPT:
            del self._work[versions[0]]
            for family in self._families.of_versions():
                family.forget(versions[0])
        return self._work.setdefault(labels, Work())

    def _now(self, service: Watched) -> Iterator[Family]:
        """What is looked up when it is asked for."""
        ready = Gauge("sonant_ready", about="1 while every configured model answers.")
        ready.put((), service.ready)
        version = Gauge("sonant_info", labels=("version",), about="1; which sonant this is.")
        version.put((__version__,), 1)
        yield from (ready, version)
        yield from _of_models(service.catalog)
        yield from self._of_process()

    def _of_process(self) -> Iterator[Family]:
        used = usage()
        memory = Gauge("process_resident_memory_bytes", about="Memory in use.")
        memory.put((), used.resident_bytes)
        open_files = Gauge("process_open_fds", about="Open files and sockets.")
        open_files.put((), used.descriptors)
        started = Gauge("process_start_time_seconds", about="When it began, since 1970.")
        started.put((), self._started)
        cpu = Counter("process_cpu_seconds_total", about="Processor time of all threads.")
        cpu.add((), used.cpu_s)
        yield from (memory, open_files, started, cpu)


def _of_models(catalog: Models) -> Iterator[Family]:
    """How the versions stand, and what waits before those that answer."""
    versions = Gauge(
        "sonant_model_versions", labels=("model", "state"), about="Versions in each state."
    )
    pending = Gauge(
        "sonant_pending_rows", labels=("model", "version"), about="Rows that wait for a thread."
    )
    in_hand = Gauge(
        "sonant_requests_in_hand",
        labels=("model", "version"),
        about="Requests and streams that hold a version.",
    )
    for name in catalog.names():
        for state in list(State)[1:]:
            versions.put((name, state.name), 0)
        for status in _statuses(catalog, name):
            versions.add((name, status.state.name), 1)
        for number in catalog.available(name):
            with catalog.held(ModelSpec(name=name, version=number)) as running:
                pending.put((name, str(number)), running.batcher.waiting)
                in_hand.put((name, str(number)), running.in_hand - 1)
    yield from (versions, pending, in_hand)


def _statuses(catalog: Models, name: str) -> Collection[VersionStatus]:
    try:
        return catalog.statuses(ModelSpec(name=name))
    except Refusal:  # a model whose folder is still empty has no versions to tell of
        return ()
