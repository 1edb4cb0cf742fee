"""The process that runs espeak-ng, from sonant's side: start it, ask it, notice when it dies or hangs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from sonant import audio
from sonant.audio import Clip
from sonant.errors import AudioError

WORKER: Final = Path(__file__).with_name("espeak_worker.py")
"""Its docstring describes what passes through the pipes."""
TIMEOUT_S: Final = 30.0
"""A word takes milliseconds; past this the process is taken for hung."""


class EspeakProcess:
    """One process that has loaded espeak-ng; leave the `with` block to end it."""

    def __init__(self, library: Path, data: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        """Start it. Raises `AudioError` when the library does not load or find its data."""
        self._timeout_s = timeout_s
        # To a file, not a pipe: nobody reads it until something goes wrong, and a full pipe would stall.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        command = [sys.executable, "-I", "-S", str(WORKER), str(library), str(data)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints
        )
        try:
            hello = json.loads(self._reply("starting"))
        except BaseException:
            self.close()
            raise
        self.rate_hz = int(hello["rate_hz"])
        self.version = str(hello["version"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; it has nothing that could be lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._complaints):
            assert pipe is not None
            pipe.close()

    def say(self, request: Mapping[str, str | int]) -> Clip:
        """The sound of one request, as the worker describes it. Raises `AudioError`."""
        assert self._process.stdin is not None
        what = f"saying {request['text']!r} as {request['voice']}"
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise AudioError(self._obituary(what)) from error
        pcm = np.frombuffer(self._reply(what), np.int16)
        if not pcm.any():
            raise AudioError(f"espeak-ng made no sound when {what}; leave the word out")
        return Clip(audio.from_pcm16(pcm), self.rate_hz)

    def _reply(self, what: str) -> bytes:
        """The next reply; a timer kills the process if none comes, which ends the reading."""
        late = threading.Event()

        def kill() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(self._timeout_s, kill)
        timer.start()
        try:
            kind, payload = self._frame()
        finally:
            timer.cancel()
            timer.join()
        if late.is_set():
            raise AudioError(
                f"espeak-ng did not answer within {self._timeout_s:g} s when {what}; try again, "
                "or take --engine formant"
            )
        if not kind:
            raise AudioError(self._obituary(what))
        if kind == b"E":
            raise AudioError(f"espeak-ng failed when {what}: {payload.decode(errors='replace')}")
        return payload

    def _frame(self) -> tuple[bytes, bytes]:
        """Kind and payload; an empty kind when the process ended before all of it came."""
        pipe = self._process.stdout
        assert pipe is not None
        head = pipe.read(5)
        length = int.from_bytes(head[1:], "big")
        payload = pipe.read(length) if len(head) == 5 else b""
        return (head[:1], payload) if len(head) == 5 and len(payload) == length else (b"", b"")

    def _obituary(self, what: str) -> str:
        code = self._process.wait()
        self._complaints.seek(0)
        words = self._complaints.read().decode(errors="replace").strip()
        last = f": {words.splitlines()[-1]}" if words else ""
        return (
            f"the espeak-ng process ended with {code} when {what}{last}; try again, or take "
            "--engine formant"
        )
