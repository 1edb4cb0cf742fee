"""One JSON line a request; a busy server writes many of them at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, final

import orjson

LOG: Final = logging.getLogger("sonant.access")
WITHIN_S: Final = 0.1
"""How long a line may wait for others."""


@final
class AccessLog:
    """Lines of a busy server go to the log together: to write each costs it one request in fifteen."""

    def __init__(self) -> None:
        """It lives on one event loop."""
        self._lines: list[bytes] = []
        self._alarm: asyncio.TimerHandle | None = None

    def tell(self, line: Mapping[str, object], *, busy: bool) -> None:
        """Log a line, soon where others will follow."""
        self._lines.append(orjson.dumps(line))
        if not busy:
            self.flush()
        elif self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(WITHIN_S, self.flush)

    def flush(self) -> None:
        """Log what waits."""
        if self._alarm:
            self._alarm.cancel()
        lines, self._lines, self._alarm = self._lines, [], None
        LOG.info("%s", b"\n".join(lines).decode())
