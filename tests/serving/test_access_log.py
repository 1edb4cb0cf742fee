"""Lines about requests: none lost, and many in one write while a server is busy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from sonant.serving.access_log import AccessLog

FIRST, SECOND = {"id": "1"}, {"id": "2"}


Heard = Callable[[], list[str]]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Heard:
    caplog.set_level(logging.INFO, "sonant.access")
    return lambda: caplog.messages


def test_a_server_at_rest_logs_at_once(heard: Heard) -> None:
    async def main() -> None:
        log = AccessLog()
        log.tell(FIRST, busy=False)
        log.tell(SECOND, busy=False)

    asyncio.run(main())
    assert heard() == ['{"id":"1"}', '{"id":"2"}']


def test_a_busy_one_logs_many_together_when_it_comes_to_rest(heard: Heard) -> None:
    async def main() -> None:
        log = AccessLog()
        log.tell(FIRST, busy=True)
        assert not heard()
        log.tell(SECOND, busy=False)

    asyncio.run(main())
    assert heard() == ['{"id":"1"}\n{"id":"2"}']


def test_one_that_never_rests_logs_within_a_moment(heard: Heard) -> None:
    async def main() -> None:
        log = AccessLog()
        for line in (FIRST, SECOND):
            log.tell(line, busy=True)
        while not heard():
            await asyncio.sleep(0.01)
        log.tell(FIRST, busy=True)
        while len(heard()) < 2:
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert heard() == ['{"id":"1"}\n{"id":"2"}', '{"id":"1"}']
