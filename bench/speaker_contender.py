"""A contender of bench/speakers.py as its parent sees it: a process that embeds clips when it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from speaker_trials import Rows

WORKER = Path(__file__).parent / "speaker_peers" / "embed.py"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The processor time of an embedding, from samples to a vector."""

    mean_ms: float
    low_ms: float
    """Lower quartile."""
    median_ms: float
    high_ms: float
    """Upper quartile."""
    a_second: float
    """Embeddings a second on the core."""
    same_bits: bool


class Stopped(Exception):
    """A process that ended early; says why."""


class Running:
    """A contender that waits for its turns."""

    def __init__(
        self, folder: Path, way: str, bundles: Sequence[str], *, peers: Path | None, core: int
    ) -> None:
        paths = [str(peers)] if peers else []
        old = os.environ.get("PYTHONPATH")
        environment = {
            **os.environ, **ONE_THREAD, "SPEAKER_CORE": str(core),
            "PYTHONPATH": os.pathsep.join([*paths, *([old] if old else [])]),
        }  # fmt: skip
        # Open for as long as the process lives.
        self.errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.times: list[int] = []
        self.first: Rows | None = None
        self.same_bits = True
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), str(folder), way, *bundles],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env=environment,
        )  # fmt: skip

    def embed(self, numbers: Sequence[int]) -> tuple[Rows, list[int]]:
        """Embeddings of these clips, [clips, size], and the nanoseconds of each; raises `Stopped`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(*numbers, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Stopped(self._last_words()) from None
        answer = self.process.stdout.readline()
        if not answer:
            raise Stopped(self._last_words())
        told = json.loads(answer)
        return np.load(told["file"]), told["ns"]

    def turn(self, numbers: Sequence[int]) -> None:
        """One more measurement of these clips."""
        rows, taken = self.embed(numbers)
        self.times += taken
        if self.first is None:
            self.first = rows
        self.same_bits &= bool((rows == self.first).all())

    def speed(self) -> Speed:
        """What all turns together say."""
        ms = np.array(self.times) / 1e6
        low, median, high = (float(found) for found in np.percentile(ms, (25, 50, 75)))
        mean = float(ms.mean())
        return Speed(
            mean_ms=mean, low_ms=low, median_ms=median, high_ms=high, a_second=1000 / mean,
            same_bits=self.same_bits,
        )  # fmt: skip

    def end(self) -> None:
        """Let it go."""
        if self.process.poll() is None and self.process.stdin is not None:
            print(file=self.process.stdin, flush=True)
        self.process.wait()

    def _last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["ended without a word"])[-1]
