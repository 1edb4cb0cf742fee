"""The race of bench/serve.py: servers started, held to the graph's answers, and loaded in turns."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from serve_peers import bodies, material
from serve_peers.bodies import Pcm
from serve_peers.processes import (
    Process,
    Stopped,
    begin,
    begin_peer,
    begin_sonant,
    free_port,
    watched,
)
from serve_peers.ways import BARE, WAYS, Way

PEERS = Path(__file__).parent
BATCHES = (1, 4, 8, 16, 32, 64)
"""Sizes that the bare loop may choose from."""
LITSERVE_BATCH = 32
WARM_UP_S = 1
TOLERANCE = 1e-4
"""Of a probability."""


@dataclass(slots=True, kw_only=True)
class Field:
    """All that runs."""

    folder: Path
    facts: dict[str, Any]
    cores: set[int] | None
    """Those of servers and bare loop; None: all."""
    drivers: set[int] | None
    servers: dict[str, Process] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """Server or way -> why."""
    batch: int = 1
    """What the bare loop is fastest with."""

    @property
    def ways(self) -> list[Way]:
        """Those that can be asked."""
        return [way for way in WAYS if way.server in self.servers and way.name not in self.skipped]


def start(ground: Field, wanted: Sequence[str], flags: Sequence[str]) -> None:
    """Start every server of the ways that are wanted; what cannot is skipped, with the reason."""
    graph, labels = ground.facts["graph"], ",".join(ground.facts["labels"])
    threads = str(len(ground.cores)) if ground.cores else "0"
    peers = {
        "fastapi": ("fastapi_server.py", []),
        "litserve": ("litserve_server.py", ["1"]),
        "litserve-batch": ("litserve_server.py", [str(LITSERVE_BATCH)]),
    }
    for server in dict.fromkeys(way.server for way in WAYS if way.name in wanted):
        try:
            if server == "sonant":
                ground.servers[server] = begin_sonant(
                    Path(ground.facts["bundle"]), cores=ground.cores, flags=flags
                )
                continue
            script, more = peers[server]
            port = free_port()
            command = [sys.executable, str(PEERS / script), graph, labels, str(port), *more]
            ground.servers[server] = begin_peer([*command, threads], port, cores=ground.cores)
        except Stopped as error:
            ground.skipped[server] = str(error)
    loop = begin(
        [sys.executable, str(PEERS / "bare_loop.py"), str(ground.folder)],
        cores=ground.cores, stdin=subprocess.PIPE,
    )  # fmt: skip
    ground.servers[BARE] = loop


def make_ready(ground: Field, wanted: Sequence[str]) -> None:
    """Write the bodies, hold everybody to the graph's answer, and let the loop choose its batch."""
    clips: Pcm = np.load(ground.folder / "clips.npy")
    for way in ground.ways:
        if way.name not in wanted:
            ground.skipped[way.name] = "not asked for"
            continue
        form = way.form if way.path else partial(way.form, model=ground.facts["name"])
        bodies.write(ground.folder / way.name, clips, form)
        if not way.path:
            continue
        try:
            port, path = ground.servers[way.server].rest, _path(way, ground)
            given = bodies.scores_of(bodies.post(port, path, way.form(clips[0])))
        except ValueError as error:
            ground.skipped[way.name] = str(error)
            continue
        if not np.allclose(given, ground.facts["answers"][0], atol=TOLERANCE):
            ground.skipped[way.name] = f"answers {given}, not {ground.facts['answers'][0]}"
    tried = {batch: bare_turn(ground, batch=batch, seconds=WARM_UP_S) for batch in BATCHES}
    ground.batch = max(tried, key=lambda batch: tried[batch])


def _path(way: Way, ground: Field) -> str:
    return way.path.format(model=ground.facts["name"])


def turn(ground: Field, way: Way, *, connections: int, seconds: float) -> dict[str, float]:
    """Load one server for some seconds; raises `Stopped`."""
    server = ground.servers[way.server]
    folder, count = str(ground.folder / way.name), str(material.CLIPS)
    if way.path:
        url = f"http://127.0.0.1:{server.rest}{_path(way, ground)}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s"]
        command += ["-s", str(PEERS / "load.lua"), url, "--", folder, count]
    else:
        label = ground.facts["labels"][int(np.argmax(ground.facts["answers"][0]))]
        command = [sys.executable, str(PEERS / "grpc_load.py"), str(server.ports["grpc"])]
        command += [folder, count, str(connections), str(seconds), label]
    with watched(server) as seen:
        busy_s = server.busy_s()
        driver = begin(command, cores=ground.drivers)
        output, _ = driver.popen.communicate()
        busy_s = server.busy_s() - busy_s
    if driver.popen.returncode:
        raise Stopped(f"{way.name}: {driver.last_words()}")
    driver.errors.close()
    found: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return {
        **found,
        "rate": found["requests"] / found["seconds"],
        "busy_ms": 1000 * busy_s / max(found["requests"], 1),
        "rss_mb": max(seen),
    }


def bare_turn(ground: Field, *, batch: int, seconds: float) -> float:
    """Clips a second of the bare loop."""
    loop = ground.servers[BARE].popen
    assert loop.stdin is not None
    assert loop.stdout is not None
    print(batch, seconds, file=loop.stdin, flush=True)
    answer = loop.stdout.readline()
    if not answer:
        raise Stopped(ground.servers[BARE].last_words())
    rate: float = json.loads(answer)
    return rate


def race(
    ground: Field, *, rounds: int, connections: int, seconds: float
) -> dict[str, list[dict[str, float]]]:
    """Everybody in turns, the bare loop as well; the first turn of each is a warm-up."""
    taken: dict[str, list[dict[str, float]]] = {way.name: [] for way in ground.ways}
    taken[BARE] = []
    for number in range(-1, rounds):
        length = seconds if number >= 0 else WARM_UP_S
        for way in ground.ways:
            found = turn(ground, way, connections=connections, seconds=length)
            if number >= 0:
                taken[way.name].append(found)
        loop = ground.servers[BARE]
        with watched(loop) as seen:
            busy_s = loop.busy_s()
            rate = bare_turn(ground, batch=ground.batch, seconds=length)
            busy_ms = 1000 * (loop.busy_s() - busy_s) / (rate * length)
        if number >= 0:
            taken[BARE].append({"rate": rate, "busy_ms": busy_ms, "rss_mb": max(seen)})
    return taken
