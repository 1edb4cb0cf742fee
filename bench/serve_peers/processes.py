"""Servers under measurement: started, waited for, watched and ended; all by /proc, so on Linux only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

READY_S = 120.0
"""How long a server may take to load."""
ENDING_S = 40.0
SAMPLE_S = 0.1
MEGABYTE = 2**20


class Stopped(Exception):
    """A process that ended early, or never came up; says why."""


@dataclass(slots=True, kw_only=True)
class Process:
    """One server, with all the processes that it begins."""

    popen: subprocess.Popen[str]
    errors: IO[str]
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def rest(self) -> int:
        """Its port of HTTP."""
        return self.ports["rest"]

    def resident_mb(self) -> float:
        """Resident memory of the whole tree now; shared pages count once for each process."""
        return sum(_resident(pid) for pid in tree(self.popen.pid)) / MEGABYTE

    def busy_s(self) -> float:
        """Seconds that all cores together have worked for the tree so far."""
        return sum(_busy(pid) for pid in tree(self.popen.pid))

    def last_words(self) -> str:
        """What it said last on standard error."""
        self.errors.seek(0)
        lines = [line.strip("│╭╮╰╯─ \n") for line in self.errors]
        return next((line for line in reversed(lines) if line), "said nothing")

    def end(self) -> int:
        """SIGTERM, and after a while SIGKILL to whatever is left of the tree; returns its status."""
        family = tree(self.popen.pid)
        self.popen.send_signal(signal.SIGTERM)
        try:
            status = self.popen.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            status = -signal.SIGKILL
        for pid in family:
            _kill(pid)
        self.popen.wait()
        self.errors.close()
        return status


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in _read(tasks).split()]
    return found


def _read(path: Path) -> str:
    """Nothing where the process has just ended."""
    try:
        return path.read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _resident(pid: int) -> int:
    pages = _read(Path(f"/proc/{pid}/statm")).split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _busy(pid: int) -> float:
    # The name of the program stands in brackets, and may hold anything.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def begin(command: Sequence[str], *, cores: set[int] | None, **more: Any) -> Process:
    """Start a process, held to `cores` from its first instruction."""
    # Open for as long as the process lives.
    errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
    before = os.sched_getaffinity(0)
    # A child begins with the cores of the thread that starts it.
    os.sched_setaffinity(0, cores or before)
    try:
        popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, **more)
    finally:
        os.sched_setaffinity(0, before)
    return Process(popen=popen, errors=errors)


def begin_sonant(models: Path, *, cores: set[int] | None, flags: Sequence[str] = ()) -> Process:
    """`sonant serve` on free ports, ready; raises `Stopped`."""
    ports = ("--rest_api_port", "-1", "--port", "-1", "--wyoming_port", "0")
    command = [sys.executable, "-m", "sonant", "serve", str(models), "--json", *ports, *flags]
    process = begin(command, cores=cores)
    assert process.popen.stdout is not None
    for line in process.popen.stdout:
        if not line.startswith("{"):
            continue
        said = json.loads(line)
        process.ports = {name: said[name] for name in ("rest", "grpc") if said.get(name)}
        if said["ready"]:
            return process
        process.popen.terminate()
    process.popen.wait()
    raise Stopped(process.last_words())


def begin_peer(command: Sequence[str], port: int, *, cores: set[int] | None) -> Process:
    """A peer that listens on `port`, ready; raises `Stopped`."""
    process = begin(command, cores=cores)
    process.ports = {"rest": port}
    # Who does not read a pipe may stop whoever writes to it.
    assert process.popen.stdout is not None
    threading.Thread(target=process.popen.stdout.read, daemon=True).start()
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if process.popen.poll() is not None:
            raise Stopped(process.last_words())
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(SAMPLE_S)
    process.end()
    raise Stopped(f"did not listen within {READY_S:g} s")


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def watched(process: Process) -> Iterator[list[float]]:
    """Megabytes of the tree, sampled while the body runs."""
    seen = [process.resident_mb()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_S):
            seen.append(process.resident_mb())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
