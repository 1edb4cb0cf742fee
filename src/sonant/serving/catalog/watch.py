"""Looking again, every so often, into folders and into models.config."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, final

from sonant.errors import SonantError
from sonant.serving import textproto
from sonant.serving.catalog.config import ServerConfig, parse_config
from sonant.serving.options import Options

_log: Final = logging.getLogger(__name__)


@final
class Watch:
    """The two clocks of a catalog."""

    def __init__(self, options: Options) -> None:
        """Nothing runs before `begin`."""
        self._options: Final = options
        self._tasks: list[asyncio.Task[None]] = []
        self._from_file: ServerConfig | None = None
        self._complaint = ""

    def begin(
        self,
        config: ServerConfig,
        *,
        look_again: Callable[[], Awaitable[None]],
        configure: Callable[[ServerConfig], Awaitable[None]],
    ) -> None:
        """Run both clocks, as far as the options want them; `config` is what is served now."""
        self._from_file = config
        loop = asyncio.get_running_loop()
        options = self._options
        if options.file_system_poll_wait_seconds > 0:
            self._tasks.append(
                loop.create_task(_every(options.file_system_poll_wait_seconds, look_again))
            )
        if options.model_config_file and options.model_config_file_poll_wait_seconds > 0:
            self._tasks.append(
                loop.create_task(
                    _every(
                        options.model_config_file_poll_wait_seconds,
                        lambda: self.read_again(configure),
                    )
                )
            )

    async def end(self) -> None:
        """Stop both."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def read_again(self, configure: Callable[[ServerConfig], Awaitable[None]]) -> None:
        """Read models.config once; what is wrong with it is logged, and the old configuration stays."""
        file = self._options.model_config_file
        if file is None:
            return
        try:
            text = await asyncio.to_thread(textproto.text_of, file)
            config = parse_config(text, where=file, strict=self._options.strict_compat)
            if config != self._from_file:
                await configure(config)
                self._from_file = config
                _log.info("%s: read again, %d models", file, len(config.models))
            self._complaint = ""
        except SonantError as error:
            # Once for each complaint, not once a second.
            if str(error) != self._complaint:
                self._complaint = str(error)
                _log.error("%s: cannot be used (%s); the old configuration stays", file, error)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:  # the clock goes on, whatever happened
            _log.exception("looking for changes failed; again in %s s", seconds)
