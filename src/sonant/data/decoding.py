"""Decode a shard of clips into one flat file of 16-bit PCM; also runs as a process of its own.

`python -m sonant.data.decoding JOB.json` prints a running count, so that its parent can show progress.
A separate program, unlike a forked or spawned worker, never re-imports the user's script.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sonant import audio
from sonant.errors import AudioError
from sonant.manifest import Item


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
    """Why a clip could not be read, by its number in the shard."""


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
                shard.errors[number] = str(error)
                pcm = np.zeros(0, np.int16)
            file.write(pcm.tobytes())
            shard.lengths.append(len(pcm))
            on_clip(number + 1)
    return shard


def _pcm(source: Source, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    clip = audio.read(source.path, rate_hz=rate_hz, start_s=source.start_s, end_s=source.end_s)
    if not len(clip.samples):
        raise AudioError(f"{source.path}: holds no samples")
    if not np.isfinite(clip.samples).all():
        raise AudioError(f"{source.path}: holds samples that are not numbers (NaN or infinite)")
    return audio.to_pcm16(clip.samples * np.float32(source.gain))


def run_job(job: Path) -> None:
    """Decode the shard a job file describes and write the outcome beside it as `<job>.done`."""
    task = json.loads(job.read_text())
    sources = [Source(**source) for source in task["sources"]]

    def count(done: int) -> None:
        if done % 50 == 0 or done == len(sources):
            print(done, flush=True)

    shard = decode(sources, rate_hz=task["rate_hz"], out=Path(task["out"]), on_clip=count)
    job.with_suffix(".done").write_text(json.dumps(asdict(shard)))


if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
