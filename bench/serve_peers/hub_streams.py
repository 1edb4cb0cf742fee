"""Live streams on the server's hub, without sockets: hub_streams.py FOLDER.

Reads `<streams> <seconds>` from standard input, line by line, and answers with a line of JSON. Every
stream hears one hop of 16-bit PCM when it is due, spread evenly; latency is from the moment a step was due
until its answer was there, so that a loop that is late counts against it.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from sonant.serving.batching import Batching
from sonant.serving.bundles import open_bundle
from sonant.serving.running import Running
from sonant.serving.streams.hub import Hub, Hubs

TICK_S = 0.001
WARM_UP_S = 0.5
LAST_WORDS_S = 1.0
MOST = 1 << 15


async def drive(
    hub: Hub, chunks: list[bytes], *, count: int, seconds: float, step_s: float
) -> dict[str, Any]:
    """So many streams for so long."""
    times: list[float] = []
    late: list[float] = []
    failed: list[str] = []
    owed: list[deque[float]] = [deque() for _ in range(count)]

    def told(number: int, answers: Any, peak: float) -> None:
        times.append(time.perf_counter() - owed[number].popleft())

    streams = [
        hub.open(partial(told, number), on_failure=lambda error: failed.append(str(error)))
        for number in range(count)
    ]
    # The first step of a stream finds its place in memory; it may take what it takes.
    for number, stream in enumerate(streams):
        owed[number].append(time.perf_counter())
        stream.push(chunks[0])
    await asyncio.sleep(WARM_UP_S)
    times.clear()
    begin, total, done = time.perf_counter(), count * round(seconds / step_s), 0
    while done < total:
        now = time.perf_counter()
        while done < total and (due := begin + done / count * step_s) <= now:
            owed[done % count].append(due)
            streams[done % count].push(chunks[(done // count + done) % len(chunks)])
            late.append(now - due)
            done += 1
        await asyncio.sleep(TICK_S)
    end = time.perf_counter() + LAST_WORDS_S
    while any(owed) and time.perf_counter() < end:
        await asyncio.sleep(TICK_S)
    for stream in streams:
        stream.close()
    parts = statistics.quantiles(times, n=100)
    return {
        "streams": count,
        "steps": total,
        "p50_ms": 1000 * parts[49],
        "p99_ms": 1000 * parts[98],
        "worst_ms": 1000 * max(times),
        "unanswered": sum(map(len, owed)),
        "stalled": 0,
        "closed": failed[:3],
        "driver_late_p99_ms": 1000 * statistics.quantiles(late, n=100)[98],
    }


async def answer(folder: Path) -> None:
    """Until standard input ends."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    pcm = np.load(folder / "clips.npy").astype("<i2").reshape(-1)
    size = round(facts["hop_s"] * facts["rate_hz"])
    chunks = [chunk.tobytes() for chunk in pcm[: len(pcm) // size * size].reshape(-1, size)]
    executor = ThreadPoolExecutor(1)
    running = Running(
        open_bundle(Path(facts["bundle"])), name=facts["name"], version=1, executor=executor,
        batching=Batching(),
    )  # fmt: skip
    hub = Hubs(executor, max_streams=MOST).of(running)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count, seconds = line.split()
        found = await drive(
            hub, chunks, count=int(count), seconds=float(seconds), step_s=facts["hop_s"]
        )
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    uvloop.run(answer(Path(sys.argv[1])))
