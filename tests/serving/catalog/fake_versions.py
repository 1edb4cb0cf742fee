"""Versions without a model in them: a folder whose one file says how loading it goes."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sonant.errors import BundleError
from sonant.serving.batching import Batching
from sonant.serving.catalog import Catalog, ModelConfig, ServerConfig
from sonant.serving.catalog.workshop import Workshop
from sonant.serving.options import Options
from sonant.serving.servable import Servable
from sonant.serving.spec import ModelSpec, State, VersionStatus
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import Tensors

FILE = "bundle.json"
WELL = "well"


class Fake(Servable):
    """Answers what it is given, and remembers what it was warmed with."""

    def __init__(self) -> None:
        self.signatures = {}
        self.warmed: list[int] = []

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        return inputs

    def warm_up(self, size: int) -> None:
        self.warmed.append(size)


class Fakes:
    """A loader that counts, and that waits at folders which are held shut."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.loads: Counter[str] = Counter()
        self.doors: dict[str, threading.Event] = {}

    def shut(self, folder: Path) -> threading.Event:
        """Loading this folder waits until the event is set."""
        return self.doors.setdefault(str(folder), threading.Event())

    def __call__(self, folder: Path) -> Servable:
        self.begun[str(folder)] += 1
        if door := self.doors.get(str(folder)):
            door.wait(30)
        self.loads[str(folder)] += 1
        says = (folder / FILE).read_text()
        if says != WELL:
            raise BundleError(f"{folder}: {says}")
        return Fake()


def write(base: Path, *names: str, says: str = WELL) -> Path:
    """Version folders in `base`, which is returned."""
    for name in names:
        (base / name).mkdir(parents=True, exist_ok=True)
        (base / name / FILE).write_text(says)
    return base


def one(base: Path, **changes: Any) -> ServerConfig:
    """A server with a model named as its folder."""
    return ServerConfig(models=(ModelConfig(name=base.name, base_path=base, **changes),))


@asynccontextmanager
async def serving(
    config: ServerConfig,
    *,
    load: Callable[[Path], Servable] | None = None,
    on_state: Callable[[str, VersionStatus], None] | None = None,
    **options: Any,
) -> AsyncIterator[Catalog]:
    """A catalog that has started; it looks again only when told, and does not try again."""
    quiet: dict[str, Any] = {
        "file_system_poll_wait_seconds": 0.0,
        "max_num_load_retries": 0,
        "inference_threads": 1,
        "max_batch_size": 4,
    }
    with ThreadPoolExecutor(1) as executor:
        catalog = Catalog(
            options=Options(**{**quiet, **options}),
            load=load or Fakes(),
            executor=executor,
            on_state=on_state,
        )
        try:
            await catalog.start(config)
            yield catalog
        finally:
            await catalog.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes about on the loop or on its threads."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came about")


def states(catalog: Catalog, name: str) -> dict[int, State]:
    """Version -> state."""
    return {status.version: status.state for status in catalog.statuses(ModelSpec(name=name))}


@asynccontextmanager
async def workshop(load: Callable[[Path], Servable], **options: Any) -> AsyncIterator[Workshop]:
    """What versions are made with, without a catalog; it tries twice, a millisecond apart."""
    quick: dict[str, Any] = {"max_num_load_retries": 1, "load_retry_interval_micros": 1000}
    with ThreadPoolExecutor(1) as executor, ThreadPoolExecutor(1) as loading:
        yield Workshop(
            options=Options(**{**quick, **options}),
            batching=Batching(max_batch_size=4),
            load=load,
            loading=loading,
            executor=executor,
        )


def play(
    config: ServerConfig, scene: Callable[[Catalog], Coroutine[Any, Any, None]], **options: Any
) -> None:
    """Start a catalog, play the scene with it, stop it."""

    async def whole() -> None:
        async with serving(config, **options) as catalog:
            await scene(catalog)

    asyncio.run(whole())


def both(*configs: ServerConfig) -> ServerConfig:
    """The models of several configurations in one."""
    return ServerConfig(models=tuple(model for config in configs for model in config.models))


def version(catalog: Catalog, **spec: Any) -> int:
    """The version that a request gets."""
    with catalog.held(ModelSpec(**spec)) as running:
        return running.version


def refusal(call: Callable[[], object]) -> tuple[Code, str]:
    """Code and message that a call is refused with."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code, caught.value.message


async def refused(work: Awaitable[None]) -> tuple[Code, str]:
    """The same of something that is awaited."""
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value.code, caught.value.message
