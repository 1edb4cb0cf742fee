"""Microseconds a step of one streaming network, one thread: sonant, onnxruntime, LiteRT, torch, Keras.

    python bench/stream.py [--net RECIPE] [--set key=value ...] [--rounds 20] [--steps 50] [--json]

Without `--net` the network is DS-TC-ResNet with 39,924 parameters behind 40 log-mels of 30 ms every
20 ms, inside every file; weights are untrained, which costs the same. Each contender is a process of
its own, pinned to the same core; they take turns, some steps each, so that what else the machine does
meets all alike. Medians and quartiles are of single steps; memory is the peak of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

PEERS = Path(__file__).parent / "peers"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
NETWORK = (
    "ds-tc-resnet",
    "name=ds-tc-resnet-40k",
    "model.filters=88,48,48,48,88,88",
    "front_end.mels=40",
    "front_end.hop_length=320",
    "front_end.normalise=none",
)
WARM_UP = 100
"""Steps before the first that counts."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to run the network."""

    name: str
    """What streaming_step.py calls it: a way, or the stem of a .tflite file."""
    title: str
    files: str
    """Who writes what it runs: bundle, tflite or keras."""


CONTENDERS = (
    Contender("bound", "onnxruntime, I/O binding, bare", "bundle"),
    Contender("session", "sonant Session (ONNX)", "bundle"),
    Contender("fed", "onnxruntime, run with a dictionary", "bundle"),
    Contender("sonant-float-outside", "sonant TFLite, state outside", "tflite"),
    Contender("sonant-float-inside", "sonant TFLite, state inside", "tflite"),
    Contender("sonant-int8-outside", "sonant TFLite int8, state outside", "tflite"),
    Contender("sonant-int8-inside", "sonant TFLite int8, state inside", "tflite"),
    Contender("keras-float-outside", "Keras TFLite, state outside", "keras"),
    Contender("keras-float-inside", "Keras TFLite, state inside", "keras"),
    Contender("keras-int8-outside", "Keras TFLite int8, state outside", "keras"),
    Contender("eager", "torch eager step", "bundle"),
    Contender("whole", "whole clip every step, ONNX", "bundle"),
    Contender("sonant-float-whole", "whole clip every step, TFLite", "tflite"),
)
RATIOS = (
    ("sonant Session / onnxruntime bare", "session", "bound", "at most 1.3"),
    ("sonant TFLite / sonant Session", "sonant-float-inside", "session", "at most 0.5"),
    ("sonant TFLite int8 / sonant Session", "sonant-int8-inside", "session", "at most 0.5"),
    ("sonant TFLite / Keras TFLite", "sonant-float-outside", "keras-float-outside", ""),
    ("whole clip / stream, ONNX", "whole", "session", "at least 30"),
    ("whole clip / stream, TFLite", "sonant-float-whole", "sonant-float-inside", "at least 30"),
)
"""Title, over what, under what, goal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a contender took."""

    median_us: float
    """Microseconds of a step."""
    low_us: float
    """Lower quartile."""
    high_us: float
    """Upper quartile."""
    steps: int
    """How many were counted."""
    peak_mb: float
    """Memory of the process."""


class Stopped(Exception):
    """A process that ended early; says why."""


class Running:
    """A contender that waits for its turns."""

    def __init__(self, name: str, folder: Path, *, core: int) -> None:
        # Open for as long as the process lives.
        self.errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.times: list[int] = []
        self.process = subprocess.Popen(
            [sys.executable, str(PEERS / "streaming_step.py"), str(folder), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, **ONE_THREAD, "STREAM_CORE": str(core)},
        )  # fmt: skip

    def turn(self, steps: int) -> list[int]:
        """Nanoseconds of the next steps; raises `Stopped`."""
        taken: list[int] = self._asked(str(steps))
        return taken

    def end(self) -> float:
        """Let it go; returns the peak of its memory in megabytes."""
        peak: float = self._asked("")
        self.process.wait()
        return peak

    def _asked(self, line: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(line, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Stopped(self._last_words()) from None
        answer = self.process.stdout.readline()
        if not answer:
            raise Stopped(self._last_words())
        return json.loads(answer)

    def _last_words(self) -> str:
        self.process.wait()
        return last_line(self.errors)


def last_line(errors: IO[str]) -> str:
    """What a process said last."""
    errors.seek(0)
    return (errors.read().strip().splitlines() or ["ended without a word"])[-1]


def write_files(folder: Path, network: Sequence[str]) -> dict[str, str]:
    """What the contenders run; returns, by who should have written it, why there is nothing."""
    failed = {}
    for files, command in (
        ("bundle", ("streaming_files.py", str(folder), "bundle", *network)),
        ("tflite", ("streaming_files.py", str(folder), "tflite")),
        ("keras", ("streaming_keras.py", str(folder))),
    ):
        with tempfile.TemporaryFile("w+") as errors:
            script, *rest = command
            done = subprocess.run(
                [sys.executable, str(PEERS / script), *rest],
                stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **ONE_THREAD},
            )  # fmt: skip
            if done.returncode:
                failed[files] = last_line(errors)
        if "bundle" in failed:
            raise SystemExit(f"no bundle to measure: {failed['bundle']}")
    return failed


def race(
    folder: Path, failed: dict[str, str], *, rounds: int, steps: int, core: int
) -> tuple[dict[str, Taken], dict[str, str]]:
    """All contenders in turns; returns what each took, and why the others did not run."""
    running: dict[str, Running] = {}
    skipped: dict[str, str] = {}
    for contender in CONTENDERS:
        reason = folder / f"{contender.name}.skipped"
        if contender.files in failed:
            skipped[contender.name] = failed[contender.files]
        elif reason.exists():
            skipped[contender.name] = reason.read_text(encoding="utf-8")
        else:
            start = Running(contender.name, folder, core=core)
            try:
                start.turn(WARM_UP)
                running[contender.name] = start
            except Stopped as error:
                skipped[contender.name] = str(error)
    for _ in range(rounds):
        for one in running.values():
            one.times += one.turn(steps)
    return {name: summed(one) for name, one in running.items()}, skipped


def summed(one: Running) -> Taken:
    """Median and quartiles of a contender's steps, and its memory."""
    low, median, high = (part / 1000 for part in statistics.quantiles(one.times, n=4))
    return Taken(
        median_us=median, low_us=low, high_us=high, steps=len(one.times), peak_mb=one.end()
    )


def report(facts: dict[str, Any], taken: dict[str, Taken], skipped: dict[str, str]) -> None:
    """Print a table, and the ratios."""
    hop_ms = 1000 * facts["hop"] / facts["rate_hz"]
    print(
        f"{facts['recipe']['name']}: {facts['parameters']:,} parameters, a step of {hop_ms:g} ms, "
        f"{facts['macs_per_step']:,.0f} MACs of the network and {facts['state_bytes']:,} bytes of state; "
        f"one thread"
    )
    bound = taken["bound"].median_us
    print(f"{'':36} {'us a step':>9} {'quartiles':>17} {'of bare':>8} {'peak MB':>8}")
    for contender in CONTENDERS:
        if contender.name not in taken:
            print(f"{contender.title:36} skipped: {skipped[contender.name]}")
            continue
        one = taken[contender.name]
        print(
            f"{contender.title:36} {one.median_us:9.1f} {one.low_us:8.1f} {one.high_us:8.1f} "
            f"{one.median_us / bound:8.2f} {one.peak_mb:8.0f}"
        )
    for title, over, under, goal in RATIOS:
        if over in taken and under in taken:
            ratio = taken[over].median_us / taken[under].median_us
            print(f"{title:36} {ratio:9.2f}{'   goal: ' + goal if goal else ''}")


def main() -> None:
    """Write the files, let the contenders run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", help="a recipe that streams, shipped or a file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each contender")
    parser.add_argument("--steps", type=int, default=50, help="steps in a turn")
    parser.add_argument("--core", type=int, help="which core; the last there is")
    parser.add_argument("--files", type=Path, help="keep the files here, and use those there are")
    parser.add_argument("--json", action="store_true", help="a line of JSON at the end")
    options = parser.parse_args()
    network = (options.net, *options.set) if options.net else (*NETWORK, *options.set)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    core = cores[-1] if options.core is None else options.core
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.files or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        there = (folder / "facts.json").exists()
        failed = {} if there else write_files(folder, network)
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        taken, skipped = race(folder, failed, rounds=options.rounds, steps=options.steps, core=core)
    report(facts, taken, skipped)
    if options.json:
        rows = {name: asdict(one) for name, one in taken.items()}
        print(json.dumps({"facts": facts, "taken": rows, "skipped": skipped}))


if __name__ == "__main__":
    main()
