"""Batches of clips for training: an order that depends on seed and epoch alone, shared out over processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonant.audio import PCM16_SCALE, Crop, Pad
from sonant.data.cache import ClipStore
from sonant.draws import Draws

RELEASE_EVERY = 512
"""Clips after which their pages are let go, so that a corpus never fills the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Clips that make one step together."""

    items: NDArray[np.int64]
    """[batch], their numbers in the split: what names them in messages and seeds their variation."""
    samples: Tensor
    """[batch, samples], float32 in [-1, 1]."""
    targets: Tensor
    """[batch], label numbers."""
    share: float = 1.0
    """How much of the global batch's clips this process holds, times the number of processes."""
    lengths: Tensor | None = None
    """[batch], samples of each that are sound, the rest filled up; None where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which part of every batch a process takes: every `of`-th clip, from `rank` on."""

    rank: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The clips of one split, ready to be gathered."""

    store: ClipStore
    targets: NDArray[np.int64]
    """[clips], label numbers."""
    window: int
    """Samples of every clip."""
    pad: Pad
    crop: Crop

    def __len__(self) -> int:
        return len(self.targets)

    def samples(self, items: NDArray[np.int64], *, draws: Draws | None = None) -> Tensor:
        """Clips as float samples [batch, window]; `draws` place them where the policy is `random`."""
        random = draws is not None and "random" in (self.pad, self.crop)
        positions = draws.uniform("place")[:, 0] if random and draws is not None else None
        pcm = self.store.gather(
            items, self.window, pad=self.pad, crop=self.crop, positions=positions
        )
        return torch.from_numpy(pcm).to(torch.float32).mul_(1.0 / PCM16_SCALE)


def order(clips: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """A permutation of the clips of a split, another one each epoch."""
    return np.random.default_rng([seed, epoch]).permutation(clips)


def batches(
    split: Split,
    *,
    size: int,
    order: NDArray[np.int64],
    share: Share,
    first: int = 0,
    draws: tuple[int, int] | None = None,
) -> Iterator[Batch]:
    """Batches in `order` from number `first` on; `draws` is (seed, epoch) where placing is random.

    A global batch is the same whatever the number of processes. A process left without a clip in
    the last, short batch takes its first one at no weight, so that all make the same number of steps.
    """
    for start in range(first * size, len(order), size):
        whole = order[start : start + size]
        mine = whole[share.rank :: share.of]
        weight = len(mine) * share.of / len(whole)
        items = mine if len(mine) else whole[:1]
        placed = Draws(*draws, items) if draws is not None else None
        if start // RELEASE_EVERY != (start + size) // RELEASE_EVERY:
            split.store.release()
        yield Batch(
            items=items,
            samples=split.samples(items, draws=placed),
            targets=torch.from_numpy(split.targets[items]),
            share=weight,
        )
