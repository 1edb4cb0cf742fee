"""Load over gRPC in a process of its own: grpc_load.py PORT FOLDER COUNT CONNECTIONS SECONDS LABEL.

As many calls are under way as wrk would have connections, over four channels; requests are bytes as
they lie in FOLDER, replies are not taken apart. Prints the line of JSON that load.lua prints.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import grpc

PREDICT = "/tensorflow.serving.PredictionService/Predict"
CHANNELS = 4
PAUSE_S = 0.05
"""After a failure."""
OPTIONS = (("grpc.use_local_subchannel_pool", 1),)


async def load(
    port: int, bodies: list[bytes], *, connections: int, seconds: float, label: bytes
) -> dict[str, float]:
    """Ask in a closed loop; `label` has to stand in the first reply."""
    channels = [
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) for _ in range(CHANNELS)
    ]
    calls = [channel.unary_unary(PREDICT) for channel in channels]
    first = await calls[0](bodies[0])
    if label not in first:
        raise SystemExit(f"the reply does not name {label.decode()}")
    times: list[float] = []
    failed = 0
    began = time.perf_counter()

    async def ask(number: int) -> None:
        nonlocal failed
        call, turn = calls[number % CHANNELS], number
        while (sent := time.perf_counter()) - began < seconds:
            try:
                await call(bodies[turn % len(bodies)])
                times.append(time.perf_counter() - sent)
            except grpc.aio.AioRpcError as error:
                print(f"{error.code().name}: {error.details()}", file=sys.stderr)
                failed += 1
                await asyncio.sleep(PAUSE_S)
            turn += 1

    await asyncio.gather(*(ask(number) for number in range(connections)))
    took = time.perf_counter() - began
    for channel in channels:
        await channel.close()
    parts = statistics.quantiles(times, n=100)
    return {
        "requests": len(times),
        "seconds": took,
        "p50_ms": 1000 * parts[49],
        "p99_ms": 1000 * parts[98],
        "worst_ms": 1000 * max(times),
        "refused": failed,
        "broken": 0,
    }


def main(port: str, folder: str, count: str, connections: str, seconds: str, label: str) -> None:
    """Load, and print one line."""
    bodies = [(Path(folder) / f"{number}.body").read_bytes() for number in range(int(count))]
    found = asyncio.run(
        load(
            int(port), bodies, connections=int(connections), seconds=float(seconds),
            label=label.encode(),
        )
    )  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
