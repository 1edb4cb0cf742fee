"""Decode a shard of clips into one flat file of 16-bit PCM; also runs as a process of its own.

`python -m sonant.data.decoding JOB.json` prints a running count, so that its parent can show progress.
A separate program, unlike a forked or spawned worker, never re-imports the user's script.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sonant import audio
from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.runtime.reading import checked

OnProgress = Callable[[int, int], None]
"""Called with the clips that are done and all there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What to decode: a file or a segment of one, and a factor on its samples."""

    path: str
    start_s: float | None
    end_s: float | None
    gain: float

    @classmethod
    def of(cls, item: Item) -> Source:
        """Take from an item what matters for its samples, and nothing else."""
        return cls(path=str(item.path), start_s=item.start_s, end_s=item.end_s, gain=item.gain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Decoded clips, one behind the other."""

    lengths: list[int]
    """Samples of each clip; 0 where it could not be read."""
    errors: dict[int, str]
    """Why a clip could not be read, without its path, by its number in the shard."""


def decode(
    sources: list[Source], *, rate_hz: int, out: Path, on_clip: Callable[[int], None]
) -> Shard:
    """Write the clips of `sources` to `out` as mono 16-bit PCM at `rate_hz`, in order."""
    shard = Shard(lengths=[], errors={})
    with out.open("wb") as file:
        for number, source in enumerate(sources):
            try:
                pcm = _pcm(source, rate_hz)
            except AudioError as error:
                shard.errors[number] = _without_path(str(error), source.path)
                pcm = np.zeros(0, np.int16)
            file.write(pcm.tobytes())
            shard.lengths.append(len(pcm))
            on_clip(number + 1)
    return shard


def _without_path(message: str, path: str) -> str:
    """A reason that holds wherever the file lies: what is kept is found by its content alone."""
    opening = f"Error opening {os.fsencode(path)!r}: "  # libsndfile's own words
    return message.removeprefix(f"{path}: ").replace(opening, "")


def _pcm(source: Source, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    clip = audio.read(source.path, rate_hz=rate_hz, start_s=source.start_s, end_s=source.end_s)
    samples = checked(clip.samples, name=source.path)
    return audio.to_pcm16(samples * np.float32(source.gain))


def run_job(job: Path) -> None:
    """Decode the shard a job file describes and write the outcome beside it as `<job>.done`."""
    task = json.loads(job.read_text())
    sources = [Source(**source) for source in task["sources"]]

    def count(done: int) -> None:
        if done % 50 == 0 or done == len(sources):
            print(done, flush=True)

    shard = decode(sources, rate_hz=task["rate_hz"], out=Path(task["out"]), on_clip=count)
    job.with_suffix(".done").write_text(json.dumps(asdict(shard)))


def decode_in_processes(
    parts: Sequence[list[Source]], files: Sequence[Path], *, rate_hz: int, on_progress: OnProgress
) -> list[Shard]:
    """Decode each part into its file in a process of its own; if one fails or is interrupted, all end."""
    done = [0] * len(parts)
    total = sum(map(len, parts))
    processes: list[subprocess.Popen[str]] = []
    watchers: list[threading.Thread] = []

    def watch(number: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as counts:
            for line in counts:
                done[number] = int(line)

    try:
        for number, (part, file) in enumerate(zip(parts, files, strict=True)):
            process = _start(part, file, rate_hz)
            processes.append(process)
            watchers.append(threading.Thread(target=watch, args=(number, process), daemon=True))
            watchers[-1].start()
        for watcher in watchers:
            while watcher.is_alive():
                watcher.join(timeout=0.2)
                on_progress(sum(done), total)
        return [_outcome(process, file) for process, file in zip(processes, files, strict=True)]
    finally:
        for process in processes:
            process.kill()
            process.wait()
        for watcher in watchers:
            watcher.join()


def _start(part: list[Source], file: Path, rate_hz: int) -> subprocess.Popen[str]:
    job = file.with_suffix(".job")
    sources = [asdict(source) for source in part]
    job.write_text(json.dumps({"out": str(file), "rate_hz": rate_hz, "sources": sources}))
    command = [sys.executable, "-m", "sonant.data.decoding", str(job)]
    # To a file, not a pipe: a decoder's warnings about thousands of files would fill a pipe and stall.
    with file.with_suffix(".errors").open("w") as errors:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)


def _outcome(process: subprocess.Popen[str], file: Path) -> Shard:
    if process.wait():
        last = file.with_suffix(".errors").read_text().strip().splitlines()[-1:]
        reason = last[0] if last else f"exit code {process.returncode}"
        raise AudioError(f"a decoding process failed: {reason}")
    outcome = json.loads(file.with_suffix(".done").read_text())
    errors = {int(number): reason for number, reason in outcome["errors"].items()}
    return Shard(lengths=outcome["lengths"], errors=errors)


if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
