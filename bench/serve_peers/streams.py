"""How many live streams one core holds: the largest number whose steps are answered in time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from serve_peers.processes import Process, Stopped, begin, begin_sonant, watched

PEERS = Path(__file__).parent
LIMIT_MS = 20.0
"""Of the 99th percentile: a step has to be answered before the next one."""
FIRST = 32
NEARNESS = 1.05
"""The search ends where the next larger number that failed is so near."""
TURN_S = 4.0
CONFIRMATIONS = 3
MOST = 1 << 15
Turn = Callable[[int], dict[str, Any]]
"""Streams -> what was seen in some seconds of them."""


def measure(folder: Path, facts: dict[str, Any], flags: Sequence[str]) -> dict[str, Any]:
    """Through WebSockets and inside the process; the server has one core, drivers have another."""
    cores = sorted(os.sched_getaffinity(0))
    server, drivers = {cores[0]}, {cores[-1]}
    step_ms = 1000 * facts["hop_s"]
    print(
        f"\nlive streams of {step_ms:g} ms steps on one core, 99th percentile below {LIMIT_MS:g} ms"
    )
    found = {}
    for name, way in (("through the hub, in the process", hub), ("WebSocket", websocket)):
        try:
            found[name] = way(folder, facts, flags, server, drivers)
            tell(name, found[name])
        except Stopped as error:
            print(f"{name:32} skipped: {error}")
    return found


def websocket(
    folder: Path, facts: dict[str, Any], flags: Sequence[str], cores: set[int], drivers: set[int]
) -> dict[str, Any]:
    """From another process, over sockets."""
    logs = ("--no_access_log", "--max_streams", str(MOST))
    server = begin_sonant(Path(facts["bundle"]), cores=cores, flags=(*logs, *flags))
    script = str(PEERS / "stream_load.py")

    def turn(streams: int) -> dict[str, Any]:
        command = [sys.executable, script, str(server.rest), str(folder), str(streams), str(TURN_S)]
        before = server.busy_s()
        with watched(server) as seen:
            driver = begin(command, cores=drivers)
            output, _ = driver.popen.communicate()
        if driver.popen.returncode:
            raise Stopped(driver.last_words())
        said: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return {**said, "rss_mb": max(seen), "step_us": step_us(server, before, said)}

    try:
        return largest(turn)
    finally:
        server.end()


def hub(
    folder: Path, facts: dict[str, Any], flags: Sequence[str], cores: set[int], drivers: set[int]
) -> dict[str, Any]:
    """The same steps without sockets."""
    command = [sys.executable, str(PEERS / "hub_streams.py"), str(folder)]
    process = begin(command, cores=cores, stdin=subprocess.PIPE)
    ins, outs = process.popen.stdin, process.popen.stdout
    assert ins is not None
    assert outs is not None

    def turn(streams: int) -> dict[str, Any]:
        before = process.busy_s()
        with watched(process) as seen:
            try:
                print(streams, TURN_S, file=ins, flush=True)
            except BrokenPipeError:
                raise Stopped(process.last_words()) from None
            answer = outs.readline()
        if not answer:
            raise Stopped(process.last_words())
        said: dict[str, Any] = json.loads(answer)
        return {**said, "rss_mb": max(seen), "step_us": step_us(process, before, said)}

    try:
        return largest(turn)
    finally:
        process.end()


def step_us(process: Process, before_s: float, said: dict[str, Any]) -> float:
    """Microseconds of processor for a step of one stream, opening and closing among them."""
    return 1e6 * (process.busy_s() - before_s) / max(said["steps"], 1)


def largest(turn: Turn) -> dict[str, Any]:
    """Double until it is too much, then halve the interval; the last is confirmed some times."""
    good, bad = 0, 0
    streams = FIRST
    while streams <= MOST and (not bad or bad > max(good, 1) * NEARNESS):
        if in_time(turn(streams)):
            good = streams
        else:
            bad = streams
        streams = (good + bad) // 2 if bad else 2 * good
        if streams <= good:
            break
    while good:
        confirmed = [turn(good) for _ in range(CONFIRMATIONS)]
        if all(in_time(one) for one in confirmed):
            return {"streams": good, "turns": confirmed}
        # A little less, until three turns in a row are good.
        good = int(good / NEARNESS)
    return {"streams": 0, "turns": [turn(FIRST)]}


def in_time(seen: dict[str, Any]) -> bool:
    """Whether every step was answered, and soon enough."""
    lost = seen["unanswered"] or seen["stalled"] or seen["closed"]
    return not lost and seen["p99_ms"] < LIMIT_MS


def tell(name: str, found: dict[str, Any]) -> None:
    """One line."""
    turns = found["turns"]
    if closed := turns[0]["closed"]:
        raise Stopped(f"streams ended: {closed[0]}")
    p50, p99 = (max(one[key] for one in turns) for key in ("p50_ms", "p99_ms"))
    late = max(one["driver_late_p99_ms"] for one in turns)
    cost = statistics.median(one["step_us"] for one in turns)
    peak = max(one["rss_mb"] for one in turns)
    print(
        f"{name:32} {found['streams']:6,} streams   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   "
        f"CPU {cost:5.1f} us a step   peak {peak:,.0f} MB   (driver late by {late:.2f} ms at p99)",
        flush=True,
    )
