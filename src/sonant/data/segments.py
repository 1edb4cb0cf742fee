"""Segments of speech, from anywhere in the recordings: which ones depends on seed, epoch and number alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.audio import PCM16_SCALE
from sonant.data import speaker_splits, splits
from sonant.data.batches import Batch
from sonant.data.cache import ClipStore
from sonant.data.preparation import DataConfig, only
from sonant.draws import Draws
from sonant.errors import ManifestError
from sonant.manifest import Manifest

RELEASE_EVERY: Final = 64
"""Batches after which the pages of their recordings are let go."""


@final
class Segments:
    """Every place of every recording is as likely as any other; short recordings have silence behind."""

    def __init__(self, store: ClipStore, *, length: int, count: int = 0, seed: int = 0) -> None:
        """`count` segments of `length` samples an epoch; 0 takes as many as lie side by side."""
        self.store, self.length, self.seed = store, length, seed
        places = np.maximum(store.lengths - length, 0) + 1
        self.ends = np.cumsum(places)
        self.count = count or max(1, int(store.lengths.sum()) // length)

    def places(self, items: NDArray[np.int64], *, epoch: int) -> NDArray[np.int64]:
        """Recording and first sample of segments by their numbers, [segments, 2]."""
        drawn = Draws(self.seed, epoch, items).integers("segment", 0, self.ends[-1])[:, 0]
        clips = np.searchsorted(self.ends, drawn, side="right")
        return np.stack([clips, drawn - np.concatenate([[0], self.ends])[clips]], 1)

    def batches(self, *, size: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """An epoch of them from batch `first` on; `items` are numbers of segments, targets say nothing."""
        for step, start in enumerate(range(first * size, self.count, size), 1):
            items = np.arange(start, min(start + size, self.count))
            if step % RELEASE_EVERY == 0:
                self.store.release()
            yield Batch(
                items=items,
                samples=self._cut(self.places(items, epoch=epoch)),
                targets=torch.zeros(len(items), dtype=torch.int64),
            )

    def _cut(self, places: NDArray[np.int64]) -> torch.Tensor:
        pcm = np.zeros((len(places), self.length), np.int16)
        for row, (clip, start) in zip(pcm, places, strict=True):
            found = self.store.clip(int(clip))[start : start + self.length]
            row[: len(found)] = found
        return torch.from_numpy(pcm).to(torch.float32).mul_(1.0 / PCM16_SCALE)


def prepare(config: DataConfig, manifest: Manifest, *, seed: int) -> Manifest:
    """Recordings of speech in splits, labels forgotten; where speakers are known, none is in two.

    Raises `ManifestError` where there is nothing to train on.
    """
    if any(item.speaker or item.label for item in manifest):
        return speaker_splits.prepare(config, manifest, seed=seed)
    kept = only(manifest, config.labels)
    try:
        return splits.assign(kept, how=config.split, shares=config.shares, seed=seed)
    except ManifestError as error:
        raise ManifestError(f"{error}. A vocoder wants two recordings of speech or more") from error
