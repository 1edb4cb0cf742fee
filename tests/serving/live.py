"""`sonant serve` in a process of its own, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PATIENCE_S = 60.0
"""Until it listens, or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A server that runs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    """What it wrote on standard error."""

    @property
    def resident_bytes(self) -> int:
        """Memory it holds."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")


@contextmanager
def live(folder: Path, *arguments: object, **flags: Any) -> Iterator[Live]:
    """Serve until the block ends, then SIGTERM; it has to leave with 0. Its log goes into `folder`.

    HTTP has any free port, and every other protocol is off, unless it is said otherwise.
    """
    options: Mapping[str, Any] = {"rest_api_port": -1, "port": 0, "wyoming_port": 0, **flags}
    said = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    told, log = folder / "server.out", folder / "server.log"
    with told.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "sonant", "serve", *map(str, arguments), *said, "--json"],
            stdout=out,
            stderr=err,
        )
    try:
        port = _listening(process, told, log)
        server = Live(url=f"http://127.0.0.1:{port}", process=process, log=log)
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200, log.read_text()
        yield server
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _listening(process: subprocess.Popen[bytes], told: Path, log: Path) -> int:
    """The port of HTTP, once the server says that it listens."""
    end = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < end:
        line, ended, _ = told.read_text().partition("\n")
        if ended:
            port: int = json.loads(line)["rest"]
            return port
        time.sleep(0.02)
    raise AssertionError(f"the server does not listen: {log.read_text()}")
