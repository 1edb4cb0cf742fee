"""Batches in which every speaker is heard as often as any other, whoever left how many recordings.

What a step hears depends on (seed, epoch, step) alone. A speaker at another speed is another speaker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sonant.audio import PCM16_SCALE
from sonant.data.augment import change_speed, speed_kernels
from sonant.data.batches import Batch, Share
from sonant.data.cache import ClipStore
from sonant.data.speaker_config import SpeakerConfig
from sonant.draws import Draws
from sonant.manifest import Manifest

RELEASE_EVERY: Final = 8
"""Batches after which the pages of their clips are let go, so that a corpus never fills the memory."""
CROP_STEP_S: Final = 0.01
"""Crops are whole hundredths of a second long."""
_ORDER, _LENGTH = 1, 2  # what a seed is for


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSplit:
    """The recordings of one split and whose they are."""

    store: ClipStore
    speakers: NDArray[np.int64]
    """[clips], numbers from 0 on, each of which is there."""

    @classmethod
    def of(cls, manifest: Manifest, store: ClipStore, name: str) -> Self:
        """The clips of a manifest's split, whose labels are their speakers, out of its store."""
        numbers = [number for number, item in enumerate(manifest) if item.split == name]
        labels = [manifest.items[number].label for number in numbers]
        place = {label: number for number, label in enumerate(sorted(set(labels)))}
        speakers = np.array([place[label] for label in labels], np.int64)
        return cls(store=store.select(numbers), speakers=speakers)

    def select(self, numbers: Sequence[int]) -> Self:
        """Some of the recordings; the speakers keep their numbers."""
        chosen = np.asarray(numbers, np.int64)
        return replace(self, store=self.store.select(numbers), speakers=self.speakers[chosen])

    def __len__(self) -> int:
        return len(self.speakers)

    @property
    def count(self) -> int:
        """How many speakers there are."""
        return int(self.speakers.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Who is heard when, in one epoch: batch by batch, the crops of a speaker next to each other."""

    items: NDArray[np.int64]
    """[crops], each another number; modulo the clips of the split it is the clip."""
    voices: NDArray[np.int64]
    """[crops], speaker + speakers * speed: whom the loss tells apart."""
    speeds: NDArray[np.int64]
    """[crops], changes of speed in per cent."""


class SpeakerBatches:
    """The batches of a split, `batch` crops each, `config.together` of every speaker in them."""

    def __init__(
        self, split: SpeakerSplit, config: SpeakerConfig, *, batch: int, seed: int
    ) -> None:
        self.split, self.config, self.seed = split, config, seed
        self.together = config.together
        self.width = batch // config.together
        self.voices = split.count * len(config.speed_steps)
        self.rounds = -(-config.crops // config.together)
        groups = self.voices * self.rounds
        # What does not fill a last batch is left for other epochs: batch norm wants whole ones.
        self.steps = max(1, groups // self.width)
        self.groups = min(groups, self.steps * self.width)
        most = max(abs(step) for step in config.speed_steps)
        self.kernels = speed_kernels(most) if most else None
        order = np.argsort(split.speakers, kind="stable")
        bounds = np.searchsorted(split.speakers[order], np.arange(1, split.count))
        self.clips_of = np.split(order, bounds)

    @property
    def crops(self) -> int:
        """Crops in an epoch."""
        return self.groups * self.together

    def epoch(self, number: int) -> Epoch:
        """Who is heard when in an epoch, counted from 0."""
        rng = np.random.default_rng([self.seed, number, _ORDER])
        voices = turns(self.voices, self.rounds, width=self.width, rng=rng)
        mixed = [rng.permutation(self.clips_of[v % self.split.count]) for v in range(self.voices)]
        place = np.arange(self.together) + self.together * np.arange(self.rounds)[:, None]
        round_of = np.arange(len(voices)) // self.voices
        items, speeds = [], len(self.config.speed_steps)
        for voice, turn in zip(voices, round_of, strict=True):
            own, heard = mixed[voice], place[turn]
            copy = voice // self.split.count + speeds * (heard // len(own))
            items.append(own[heard % len(own)] + len(self.split) * copy)
        taken = np.concatenate(items[: self.groups]).astype(np.int64)
        voices = voices[: self.groups].repeat(self.together)
        steps = np.array(self.config.speed_steps, np.int64)
        return Epoch(items=taken, voices=voices, speeds=steps[voices // self.split.count])

    def length(self, *, epoch: int, step: int) -> int:
        """Samples of the crops of a batch."""
        lowest, highest = (round(s / CROP_STEP_S) for s in self.config.crop_s)
        rng = np.random.default_rng([self.seed, epoch, step, _LENGTH])
        hundredths = int(rng.integers(lowest, highest + 1))
        return max(1, round(max(1, hundredths) * CROP_STEP_S * self.split.store.rate_hz))

    def batches(self, *, epoch: int, first: int = 0, share: Share) -> Iterator[Batch]:
        """The batches of an epoch from number `first` on.

        A process takes whole groups of crops of a speaker, every n-th of the batch; one that is left
        without takes the first at no weight.
        """
        plan, size = self.epoch(epoch), self.width * self.together
        for step in range(first, self.steps):
            whole = np.arange(step * size, min((step + 1) * size, self.crops))
            groups = whole.reshape(-1, self.together)
            mine = groups[share.rank :: share.of]
            weight = len(mine) * share.of / len(groups)
            rows = (mine if len(mine) else groups[:1]).ravel()
            if step % RELEASE_EVERY == RELEASE_EVERY - 1:
                self.split.store.release()
            yield self._batch(plan, rows, epoch=epoch, step=step, weight=weight)

    def _batch(
        self, plan: Epoch, rows: NDArray[np.int64], *, epoch: int, step: int, weight: float
    ) -> Batch:
        items = plan.items[rows]
        window = self.length(epoch=epoch, step=step)
        places = Draws(self.seed, epoch, items).uniform("place")[:, 0]
        samples = torch.zeros(len(rows), window)
        lengths = torch.empty(len(rows), dtype=torch.int64)
        for row, (item, speed) in enumerate(zip(items, plan.speeds[rows], strict=True)):
            crop = self._crop(int(item) % len(self.split), int(speed), places[row], window)
            samples[row, : len(crop)] = crop
            lengths[row] = len(crop)
        return Batch(
            items=items,
            samples=samples,
            targets=torch.from_numpy(plan.voices[rows]),
            share=weight,
            lengths=None if int(lengths.min()) == window else lengths,
        )

    def _crop(self, clip: int, speed: int, place: float, window: int) -> Tensor:
        """A part of a clip that lasts `window` samples at its speed, or all of it where it is shorter."""
        pcm = self.split.store.clip(clip)
        wanted = min(len(pcm), math.ceil(window * (100 + speed) / 100))
        start = int(place * (len(pcm) - wanted + 1))
        crop = torch.from_numpy(pcm[start : start + wanted].astype(np.float32) / PCM16_SCALE)
        if speed and self.kernels is not None:
            crop = at_speed(crop, speed, kernels=self.kernels)
        return crop[:window]


def turns(count: int, rounds: int, *, width: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Permutations of `count` speakers one after the other, [rounds * count].

    No batch of `width` has a speaker twice, unless there are fewer speakers than that: those who are
    in the batch that a round ends in come last in the next.
    """
    order = np.empty(0, np.int64)
    for _ in range(rounds):
        following = rng.permutation(count)
        begun = order[len(order) - len(order) % width :]
        late = np.isin(following, begun)
        order = np.concatenate([order, following[~late], following[late]])
    return order


def at_speed(samples: Tensor, change: int, *, kernels: Tensor) -> Tensor:
    """[samples] played (100 + change) % as fast, pitch with it: shorter when faster."""
    wanted = len(samples) * 100 // (100 + change)
    room = max(len(samples), wanted) - len(samples)
    # It turns about its middle, so that is where it has to stay.
    wide = F.pad(samples, (room // 2, room - room // 2))
    played = change_speed(wide[None], np.array([[change]]), kernels=kernels)[0]
    first = (len(wide) - wanted) // 2
    return played[first : first + wanted]
