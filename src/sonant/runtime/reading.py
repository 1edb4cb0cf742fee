"""Clips from files, in order and a little ahead, brought to the length and rate a graph wants."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from sonant import audio as sound
from sonant.audio import Clip, Samples
from sonant.card import AudioSpec
from sonant.errors import AudioError
from sonant.manifest import Item

CHUNK: Final = 16
"""Clips a thread takes at a time: handing them over one by one costs as much as a resampling."""
AHEAD_CHUNKS: Final = 16
AHEAD_BYTES: Final = 32 * 2**20
"""What is read ahead of the consumer is bounded by both, but every thread has something to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What came of reading one item."""

    item: Item
    samples: Samples | None
    """[samples], float32, as long as the graph wants it; None where the clip could not be read."""
    error: str = ""
    """Why it could not be read."""


def read_clips(
    items: Iterable[Item], audio: AudioSpec, *, workers: int | None = None
) -> Iterator[Read]:
    """Read items in their order with `workers` threads (None: one a core), never far ahead.

    A clip that cannot be read is a `Read` with its error: none is left out, nothing is raised.
    """
    workers = workers or usable_cores()
    ahead = max(workers + 1, min(AHEAD_CHUNKS, AHEAD_BYTES // (CHUNK * 4 * audio.samples)))
    # Threads, since libsndfile and soxr let go of the interpreter while they work.
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read")
    pending: deque[Future[list[Read]]] = deque()
    source = iter(items)
    try:
        while chunk := list(islice(source, CHUNK)):
            pending.append(pool.submit(_read_chunk, chunk, audio))
            if len(pending) >= ahead:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_batches(reads: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Group reads, in order, into lists of `size`; the last may be shorter."""
    source = iter(reads)
    while group := list(islice(source, size)):
        yield group


def fit(clip: Clip, audio: AudioSpec, *, gain: float = 1.0, name: str = "the clip") -> Samples:
    """Bring a clip to [samples] float32 exactly as training saw it: rate, length, gain, 16 bits.

    Raises `AudioError` naming the clip when it is empty or holds samples that are not numbers.
    """
    samples = checked(sound.resample(clip, audio.rate_hz).samples, name=name)
    fitted = sound.fit_length(samples, audio.samples, pad=audio.pad, crop=audio.crop)
    # Training reads 16-bit samples from its cache, and an answer must not depend on who asks.
    return sound.from_pcm16(sound.to_pcm16(fitted * np.float32(gain)))


def checked(samples: Samples, *, name: str) -> Samples:
    """The same samples; raises `AudioError` naming the clip when there are none, or some are no numbers."""
    if not len(samples):
        raise AudioError(f"{name}: holds no samples")
    if not np.isfinite(samples).all():
        raise AudioError(f"{name}: holds samples that are not numbers (NaN or infinite)")
    return samples


def usable_cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_chunk(items: list[Item], audio: AudioSpec) -> list[Read]:
    return [_read(item, audio) for item in items]


def _read(item: Item, audio: AudioSpec) -> Read:
    try:
        clip = sound.read(item.path, start_s=item.start_s, end_s=item.end_s)
        samples = fit(clip, audio, gain=item.gain, name=str(item.path))
    except AudioError as error:
        return Read(item=item, samples=None, error=str(error))
    return Read(item=item, samples=samples)
