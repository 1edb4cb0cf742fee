"""One version of a model on its way from START over AVAILABLE to END."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from sonant.serving.catalog.folders import fingerprint
from sonant.serving.catalog.workshop import Workshop, told
from sonant.serving.running import Running
from sonant.serving.spec import State, VersionStatus
from sonant.serving.status import Code

MICROS: Final = 1e-6

_log: Final = logging.getLogger(__name__)


@final
class Version:
    """START, LOADING, AVAILABLE, UNLOADING, END; one that fails to load goes from LOADING to END."""

    def __init__(
        self,
        number: int,
        folder: Path,
        *,
        model: str,
        workshop: Workshop,
        on_change: Callable[[], None],
    ) -> None:
        """Nothing happens before `begin` or `put`; `on_change` hears of every state."""
        self.number: Final = number
        self.folder: Final = folder
        self.state = State.START
        self.code = Code.OK
        self.message = ""
        self.running: Running | None = None
        self.tried = asyncio.Event()
        """Set once the first attempt has ended, whatever came of it."""
        self._model: Final = model
        self._workshop: Final = workshop
        self._on_change: Final = on_change
        self._task: asyncio.Task[None] | None = None
        self._failed_on: frozenset[tuple[str, int, int]] | None = None

    @property
    def status(self) -> VersionStatus:
        """How it stands, for whoever asks; while a failed one is tried again, with why it failed."""
        return VersionStatus(
            version=self.number, state=self.state, code=self.code, message=self.message
        )

    @property
    def coming(self) -> bool:
        """Whether it answers, or is on its way there."""
        return self.state in (State.START, State.LOADING, State.AVAILABLE)

    @property
    def failed(self) -> bool:
        """Whether all attempts are over, in vain."""
        return self.state is State.END and self.code is not Code.OK

    async def mended(self) -> bool:
        """Whether it failed, and its files have changed since: a copy goes on, or somebody saw to it."""
        if self._failed_on is None or self.running:
            return False
        return await asyncio.to_thread(fingerprint, self.folder) != self._failed_on

    def begin(self) -> None:
        """Start loading."""
        self._task = asyncio.get_running_loop().create_task(self._bring_up())

    def put(self, running: Running) -> None:
        """Be AVAILABLE with what is loaded already."""
        self.running = running
        self._to(State.AVAILABLE)
        self.tried.set()

    def retire(self) -> None:
        """Take no more requests; END comes when those in hand are answered, or the loading is off."""
        if self.running is None:
            self.drop()
        elif self.state is State.AVAILABLE:
            self._to(State.UNLOADING)
            self._task = asyncio.get_running_loop().create_task(self._unload(self.running))

    def drop(self) -> None:
        """END at once, whoever still holds it; they keep what they hold."""
        if self._task:
            self._task.cancel()
        self.running = None
        if self.state is not State.END:
            self._to(State.END)
        self.tried.set()

    async def _bring_up(self) -> None:
        options = self._workshop.options
        for left in range(max(0, options.max_num_load_retries), -1, -1):
            self._to(State.LOADING)
            if await self._attempt(left):
                return
            if left:
                self.tried.set()
                await asyncio.sleep(options.load_retry_interval_micros * MICROS)
        self._to(State.END)
        self.tried.set()

    async def _attempt(self, left: int) -> bool:
        """Whether it came up."""
        # Taken before, so that what changes while it loads counts as a change.
        before = await asyncio.to_thread(fingerprint, self.folder)
        try:
            running = await self._workshop.bring_up(self._model, self.number, self.folder)
        except Exception as error:  # a bundle may hold anything; none of it may end the server
            self.code, self.message = told(error)
            self._failed_on = before
            _log.error(
                "%s version %d in %s cannot be loaded: %s; %s",
                self._model,
                self.number,
                self.folder,
                self.message,
                f"{left} attempts are left" if left else "it is given up",
                exc_info=error if self.code is Code.INTERNAL else None,
            )
            return False
        self.code, self.message = Code.OK, ""
        self.put(running)
        return True

    async def _unload(self, running: Running) -> None:
        await running.left()
        self.running = None
        self._to(State.END)

    def _to(self, state: State) -> None:
        self.state = state
        _log.info("%s version %d is %s", self._model, self.number, state.name)
        if self._workshop.on_state:
            self._workshop.on_state(self._model, self.status)
        self._on_change()
