"""What it takes to get from a folder to a version that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, final

from sonant.errors import BundleError, SonantError
from sonant.serving.batching import Batching, Ran
from sonant.serving.catalog.batching_file import batching_beside
from sonant.serving.options import Options
from sonant.serving.running import Running
from sonant.serving.servable import Servable
from sonant.serving.spec import VersionStatus
from sonant.serving.status import Code, Refusal

Loader: TypeAlias = Callable[[Path], Servable]
"""Opens a version folder and checks every hash in it; it blocks, and raises `SonantError`."""
OnRun: TypeAlias = Callable[[str, int, Ran], None]
"""Hears of each run: model, version, what was run."""
OnState: TypeAlias = Callable[[str, VersionStatus], None]
"""Hears of each change of a version's state: model, how it stands now."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Loads and warms versions on threads of its own, so that no request waits for a thread."""

    options: Options
    batching: Batching
    load: Loader
    loading: ThreadPoolExecutor
    """Where versions are loaded and warmed."""
    executor: ThreadPoolExecutor
    """Where requests are run."""
    on_run: OnRun | None = None
    on_state: OnState | None = None

    async def bring_up(self, name: str, number: int, folder: Path) -> Running:
        """Load and warm the version in `folder`; raises what the loader or the model raises."""
        loop = asyncio.get_running_loop()
        batching = await loop.run_in_executor(
            self.loading, batching_beside, folder, self.batching, self.options
        )
        servable = await loop.run_in_executor(self.loading, self.load, folder)
        if self.options.enable_model_warmup:
            for size in batching.sizes():
                await loop.run_in_executor(self.loading, servable.warm_up, size)
        return self.running(servable, name=name, number=number, batching=batching)

    def running(
        self, servable: Servable, *, name: str, number: int, batching: Batching | None = None
    ) -> Running:
        """A servable that needs no loading, as a version that answers."""
        return Running(
            servable,
            name=name,
            version=number,
            executor=self.executor,
            batching=batching or self.batching,
            on_run=partial(self.on_run, name, number) if self.on_run else None,
        )


def told(error: Exception) -> tuple[Code, str]:
    """What the status of a version says of the error it failed to load with."""
    if isinstance(error, Refusal):
        return error.code, error.message
    if isinstance(error, BundleError):
        return Code.DATA_LOSS, str(error)
    if isinstance(error, MemoryError):
        return Code.RESOURCE_EXHAUSTED, str(error) or "not enough memory to load it"
    if isinstance(error, SonantError):
        return Code.FAILED_PRECONDITION, str(error)
    return Code.INTERNAL, f"{type(error).__name__}: {error}"
