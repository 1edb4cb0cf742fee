"""A server under load whose models are swapped, whose clients are killed, and which is then told to end.

    python bench/soak.py [--bundle FOLDER] [--seconds 60] [--swaps 200] [--kills 20] [--json]

While clients ask over REST, KServe and gRPC, new numbered folders are renamed into place and old ones
removed, before the new one answers and after it, in turns; clients, of requests and of live streams,
are killed in the middle. At the end SIGTERM comes under full load. It fails, with status 1, where a request
failed, one that the server had accepted was lost, memory grew by more than a tenth, or the server
did not end with status 0.

A request is lost where it was sent before the signal and never answered whole, or where the server's
log names it and the client has no answer. Memory is that of the process tree: the median between a
tenth and a fifth of the time, when every kind of request has been seen, against the last tenth.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np

from serve_peers import bodies, material
from serve_peers.processes import Process, begin, begin_sonant

PEERS = Path(__file__).parent / "serve_peers"
POLL_S = 0.05
SWAP_LIMIT_S = 30.0
VICTIM_S = 1.0
"""How long a client lives that is going to be killed."""
SETTLE_S = 1.0
"""Load before the signal, when everything else is over."""
MOST_GROWTH = 1.1
FLAGS = ("--file_system_poll_wait_seconds", str(POLL_S), "--grace_seconds", "30")


@dataclass(slots=True, kw_only=True)
class Found:
    """What came of it."""

    answered: int = 0
    failed: int = 0
    """Before the signal."""
    kinds: dict[str, int] = field(default_factory=dict)
    """How they failed."""
    swaps: int = 0
    kills: int = 0
    start_mb: float = 0.0
    end_mb: float = 0.0
    tenths_mb: list[int] = field(default_factory=list)
    """Medians of each tenth of the time."""
    refused: int = 0
    """After the signal, with 503."""
    turned_away: int = 0
    """After the signal, without an answer; the server had not begun with them."""
    lost: int = 0
    drain_s: float = 0.0
    """From the signal to the end of the process."""
    status: int = 0
    seconds: float = 0.0

    @property
    def growth(self) -> float:
        """Of memory."""
        return self.end_mb / self.start_mb if self.start_mb else 1.0

    @property
    def good(self) -> bool:
        """Whether nothing was lost; memory is for `main` to judge."""
        return not (self.failed or self.lost or self.status)


@dataclass(slots=True, kw_only=True)
class Ground:
    """The server and what goes with it."""

    folder: Path
    facts: dict[str, Any]
    server: Process
    over: threading.Event = field(default_factory=threading.Event)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since the beginning, megabytes)."""

    @property
    def name(self) -> str:
        """Of the model."""
        return str(self.facts["name"])

    @property
    def home(self) -> Path:
        """The folder of its versions."""
        return self.folder / "models" / self.name


def place(ground_home: Path, source: Path, version: int) -> None:
    """Write a version beside its place, then rename it there."""
    scratch = ground_home / f".writing-{version}"
    shutil.copytree(source, scratch)
    card = scratch / "bundle.json"
    said = {**json.loads(card.read_text(encoding="utf-8")), "version": version}
    card.write_text(json.dumps(said), encoding="utf-8")
    scratch.rename(ground_home / str(version))


def swap(ground: Ground, found: Found, *, swaps: int, seconds: float) -> None:
    """New versions in, old ones out, spread over the time."""
    began, source = time.monotonic(), Path(ground.facts["bundle"])
    for version in range(2, swaps + 2):
        place(ground.home, source, version)
        early = version % 2 == 0
        if early:
            shutil.rmtree(ground.home / str(version - 1))
        wait_for(ground, version)
        if not early:
            shutil.rmtree(ground.home / str(version - 1))
        found.swaps += 1
        rest_s = began + seconds * found.swaps / swaps - time.monotonic()
        time.sleep(max(0.0, rest_s))


def wait_for(ground: Ground, version: int) -> None:
    """Until the status says that this version answers."""
    url = f"http://127.0.0.1:{ground.server.rest}/v1/models/{ground.name}"
    end = time.monotonic() + SWAP_LIMIT_S
    while time.monotonic() < end:
        with urlopen(url, timeout=SWAP_LIMIT_S) as reply:
            states = json.load(reply)["model_version_status"]
        if {"version": str(version), "state": "AVAILABLE"}.items() <= states[0].items():
            return
        time.sleep(POLL_S / 2)
    raise SystemExit(f"version {version} did not answer within {SWAP_LIMIT_S:g} s: {states[:3]}")


def kill(ground: Ground, found: Found, *, kills: int, seconds: float) -> None:
    """Clients that are killed in the middle of what they do: of requests and of streams in turns."""
    began = time.monotonic()
    for number in range(kills):
        streams = ground.facts["hop_s"] and number % 2
        victim = stream_client(ground) if streams else http_client(ground, f"victim{number}", 2)
        time.sleep(min(VICTIM_S, seconds / kills))
        victim.popen.kill()
        victim.popen.wait()
        found.kills += 1
        time.sleep(max(0.0, began + seconds * (number + 1) / kills - time.monotonic()))


def http_client(ground: Ground, name: str, connections: int) -> Process:
    """A process that asks over REST and KServe."""
    ways = {"pcm": "/v1/models/{}:predict", "kserve": "/v2/models/{}/infer"}
    plan = [
        {
            "name": name,
            "path": path.format(ground.name),
            "folder": str(ground.folder / way),
            "count": material.CLIPS,
            "connections": connections,
        }
        for way, path in ways.items()
    ]
    command = [sys.executable, str(PEERS / "http_load.py"), str(ground.server.rest)]
    return begin([*command, json.dumps(plan)], cores=None, stdin=subprocess.PIPE)


def grpc_client(ground: Ground, seconds: float) -> Process:
    """A process that asks over gRPC, for so long."""
    label = ground.facts["labels"][int(np.argmax(ground.facts["answers"][0]))]
    command = [sys.executable, str(PEERS / "grpc_load.py"), str(ground.server.ports["grpc"])]
    command += [str(ground.folder / "grpc"), str(material.CLIPS), "2", str(seconds), label]
    return begin(command, cores=None)


def stream_client(ground: Ground) -> Process:
    """A process with a few live streams."""
    command = [sys.executable, str(PEERS / "stream_load.py"), str(ground.server.rest)]
    return begin([*command, str(ground.folder), "4", "60"], cores=None)


def remember(ground: Ground) -> None:
    """Memory, several times a second."""
    began = time.monotonic()
    while not ground.over.wait(0.2):
        ground.memory.append((time.monotonic() - began, ground.server.resident_mb()))


def under_load(ground: Ground, options: argparse.Namespace) -> Found:
    """Everything up to the signal, and what follows it."""
    found, began = Found(), time.monotonic()
    clients = http_client(ground, "client", options.connections)
    calls = grpc_client(ground, options.seconds)
    memory = threading.Thread(target=remember, args=(ground,))
    killer = threading.Thread(
        target=kill,
        args=(ground, found),
        kwargs={"kills": options.kills, "seconds": options.seconds},
    )
    for thread in (memory, killer):
        thread.start()
    try:
        swap(ground, found, swaps=options.swaps, seconds=options.seconds)
        killer.join()
        said, _ = calls.popen.communicate()
    finally:
        ground.over.set()
        memory.join()
    called = json.loads(said.strip().splitlines()[-1])
    found.answered += called["requests"]
    found.failed += called["refused"]
    time.sleep(SETTLE_S)
    found.seconds = time.monotonic() - began
    found.start_mb, found.end_mb, found.tenths_mb = flatness(ground.memory)
    end_under_load(ground, found, clients)
    return found


def flatness(memory: list[tuple[float, float]]) -> tuple[float, float, list[int]]:
    """Medians of the second tenth of the time, of the last one, and of all."""
    length = memory[-1][0]
    tenths: list[list[float]] = [[] for _ in range(10)]
    for at, size in memory:
        tenths[min(9, int(10 * at / length))].append(size)
    medians = [statistics.median(tenth) for tenth in tenths if tenth]
    return medians[1], medians[-1], [round(median) for median in medians]


def end_under_load(ground: Ground, found: Found, clients: Process) -> None:
    """SIGTERM while requests run; afterwards both sides' accounts are compared."""
    assert clients.popen.stdin is not None
    print("ending", file=clients.popen.stdin, flush=True)
    time.sleep(POLL_S)
    signalled = time.monotonic()
    ground.server.popen.terminate()
    found.status = ground.server.popen.wait()
    found.drain_s = time.monotonic() - signalled
    said, _ = clients.popen.communicate()
    account = json.loads(said.strip().splitlines()[-1])
    found.answered += account["answered"]
    accepted = taken_up(ground.server)
    kinds: Counter[str] = Counter()
    for failure in account["failures"]:
        kind, early = failure["kind"], failure["sent"] < signalled
        if kind.startswith("status 503") and failure["sent"] >= signalled - POLL_S:
            found.refused += 1
        elif early and failure["sent"] < signalled - POLL_S:
            found.failed += 1
            kinds[kind] += 1
        elif early or kind.startswith("closed within") or failure["id"] in accepted:
            found.lost += 1
            kinds[kind] += 1
        else:
            found.turned_away += 1
    found.kinds = dict(kinds)


def taken_up(server: Process) -> set[str]:
    """Ids of the requests that the server's log names."""
    server.errors.seek(0)
    lines = (line for line in server.errors if line.startswith("{"))
    return {str(json.loads(line).get("id", "")) for line in lines}


def main() -> None:
    """Prepare, begin, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, help="serve this one; else an untrained network")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--connections", type=int, default=4, help="of each protocol")
    parser.add_argument("--json", action="store_true", help="only a line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = soak(Path(scratch), options)
    if options.json:
        print(json.dumps({**asdict(found), "growth": found.growth}))
    else:
        for name, value in {**asdict(found), "growth": found.growth}.items():
            print(f"{name:12} {value}")
    raise SystemExit(0 if found.good and found.growth <= MOST_GROWTH else 1)


def soak(folder: Path, options: argparse.Namespace) -> Found:
    """Serve, and see."""
    facts = material.prepare(folder, bundle=options.bundle, network=material.NETWORK)
    clips = np.load(folder / "clips.npy")
    bodies.write(folder / "pcm", clips, bodies.tf_pcm)
    bodies.write(folder / "kserve", clips, bodies.kserve)
    bodies.write(folder / "grpc", clips, partial(bodies.grpc_pcm, model=facts["name"]))
    home = folder / "models" / facts["name"]
    home.mkdir(parents=True)
    place(home, Path(facts["bundle"]), 1)
    server = begin_sonant(folder / "models", cores=None, flags=FLAGS)
    try:
        return under_load(Ground(folder=folder, facts=facts, server=server), options)
    finally:
        server.end()


if __name__ == "__main__":
    main()
