"""Versions come and go under load."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np

from serving.catalog.fake_versions import WELL, one, play, states, until, write
from sonant.serving.catalog import Catalog
from sonant.serving.spec import ModelSpec, State


def test_no_request_is_refused_while_versions_come_and_go(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")
    served: Counter[int] = Counter()

    async def ask(catalog: Catalog, done: asyncio.Event) -> None:
        while not done.is_set():
            with catalog.held(ModelSpec(name="a")) as running:
                await running.run("", {"x": np.zeros(1)})
                served[running.version] += 1

    async def scene(catalog: Catalog) -> None:
        done = asyncio.Event()
        clients = [asyncio.ensure_future(ask(catalog, done)) for _ in range(4)]
        for number in range(2, 32):
            # Every third one is damaged, and the last good one goes on.
            write(base, str(number), says="damaged" if number % 3 == 0 else WELL)
            await catalog.look_again()
            await until(lambda number=number: not states(catalog, "a")[number] < State.AVAILABLE)  # type: ignore[misc]
        done.set()
        await asyncio.gather(*clients)
        await until(lambda: list(states(catalog, "a").values()).count(State.AVAILABLE) == 1)
        assert catalog.available("a") == [31]

    play(one(base), scene)
    assert not {number for number in served if number % 3 == 0}
    assert len(served) > 5
