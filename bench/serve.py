"""Requests a second, latency and memory of servers around one ONNX graph; and live streams on one core.

    python bench/serve.py [--bundle FOLDER | --net RECIPE --set key=value ...] [--rounds 5]
                          [--seconds 3] [--connections 16 64] [--apart] [--only requests|streams]

Clips of one second. Ours is asked over REST, KServe and gRPC; beside it run FastAPI as users write it,
LitServe, and onnxruntime in a bare loop, the limit. Everybody answers with the same graph and is held
to its answers first. Servers take turns, some seconds each, so that what else the machine does meets
all alike; ratios are taken within a round. HTTP is loaded by wrk, gRPC and WebSocket by drivers of
our own, in processes of their own. With `--apart`, servers and loop have all cores but the last,
which is the drivers'; without, everybody has all of them. Without a bundle, the network is
that of bench/stream.py, untrained, which costs the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serve_peers import material, streams
from serve_peers.race import Field, make_ready, race, start
from serve_peers.ways import BARE, RATIOS, WAYS

WRK_MISSING = "wrk is not installed; on Debian and Ubuntu: apt-get install wrk"


def report(ground: Field, taken: dict[str, list[dict[str, float]]], *, connections: int) -> None:
    """A table of all, and the ratios."""
    print(f"\n{connections} connections")
    print(
        f"{'':28} {'requests/s':>22} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>7} "
        f"{'peak MB':>8} {'failed':>7}"
    )
    for way in WAYS:
        if way.name not in taken:
            why = ground.skipped.get(way.name) or ground.skipped.get(way.server, "")
            print(f"{way.title:28} skipped: {why}")
            continue
        found = taken[way.name]
        failed = sum(one["refused"] + one["broken"] for one in found)
        print(
            f"{way.title:28} {_spread([one['rate'] for one in found], 0)} "
            f"{_median(found, 'p50_ms'):8.2f} {_median(found, 'p99_ms'):8.2f} "
            f"{_median(found, 'busy_ms'):7.2f} {max(one['rss_mb'] for one in found):8.0f} {failed:7.0f}"
        )
    title = f"onnxruntime, batches of {ground.batch}"
    peak = max(one["rss_mb"] for one in taken[BARE])
    print(
        f"{title:28} {_spread([one['rate'] for one in taken[BARE]], 0)} {'':17} "
        f"{_median(taken[BARE], 'busy_ms'):7.2f} {peak:8.0f}"
    )
    for title, key, over, under, goal in RATIOS:
        if over in taken and under in taken:
            pairs = zip(taken[over], taken[under], strict=True)
            ratios = [ours[key] / theirs[key] for ours, theirs in pairs]
            print(f"{title:44} {_spread(ratios, 2)}{'   goal: ' + goal if goal else ''}")


def _median(found: list[dict[str, float]], key: str) -> float:
    return statistics.median(one[key] for one in found)


def _spread(values: Sequence[float], digits: int) -> str:
    """Least, median and greatest."""
    parts = (min(values), statistics.median(values), max(values))
    return " ".join(f"{part:7,.{digits}f}" for part in parts)


def main() -> None:
    """Prepare, measure, print."""
    options = _parser().parse_args()
    every = sorted(os.sched_getaffinity(0))
    apart = options.apart and len(every) > 1
    network = (options.net, *options.set) if options.net else (*material.NETWORK, *options.set)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.files or Path(scratch)
        facts = material.prepare(folder, bundle=options.bundle, network=network)
        print(
            f"{facts['name']}: {facts['parameters']:,} parameters, clips of {facts['samples']} samples; "
            f"{len(every)} cores, {'one of them for the drivers' if apart else 'shared by all'}; "
            f"{options.rounds} rounds of {options.seconds} s; least, median and greatest"
        )
        found: dict[str, Any] = {}
        if options.only != "streams":
            ground = Field(
                folder=folder, facts=facts,
                cores=set(every[:-1]) if apart else None, drivers={every[-1]} if apart else None,
            )  # fmt: skip
            found["requests"] = measure_requests(ground, options)
        if options.only != "requests" and facts["hop_s"]:
            found["streams"] = streams.measure(folder, facts, options.serve_flag)
    if options.json:
        print(json.dumps(found))


def measure_requests(ground: Field, options: argparse.Namespace) -> dict[str, Any]:
    """All numbers of connections, one after the other."""
    if shutil.which("wrk") is None:
        raise SystemExit(WRK_MISSING)
    wanted = options.ways or [way.name for way in WAYS]
    logs = [] if options.access_log else ["--no_access_log"]
    found: dict[str, Any] = {}
    try:
        start(ground, wanted, [*logs, *options.serve_flag])
        make_ready(ground, wanted)
        for connections in options.connections:
            taken = race(
                ground, rounds=options.rounds, connections=connections, seconds=options.seconds
            )
            report(ground, taken, connections=connections)
            found[str(connections)] = taken
    finally:
        for server in ground.servers.values():
            server.end()
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--bundle", type=Path, help="serve this one; wants 16-bit PCM at its rate")
    which.add_argument("--net", help="an untrained network of this recipe, shipped or a file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only", choices=("requests", "streams"))
    parser.add_argument("--ways", nargs="+", choices=[way.name for way in WAYS], metavar="WAY")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one turn")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--apart", action="store_true", help="drivers on a core of their own")
    parser.add_argument("--access-log", action="store_true", help="let sonant write its log")
    parser.add_argument(
        "--serve-flag", action="append", default=[], metavar="FLAG", help="for `sonant serve`"
    )
    parser.add_argument("--files", type=Path, help="keep the files here")
    parser.add_argument("--json", action="store_true", help="a line of JSON at the end")
    return parser


if __name__ == "__main__":
    main()
