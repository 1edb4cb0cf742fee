"""Does it sound like speech? Segments of recordings, made anew from their mel spectrograms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.audio import from_pcm16
from sonant.data.augment import Augment
from sonant.data.batches import Batch
from sonant.data.cache import ClipStore
from sonant.data.segments import Segments
from sonant.data.vocoding_config import VocodingConfig
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.models.vocoders import Made, Vocoder
from sonant.nn.critics import Critics, against, likeness, pleasing
from sonant.nn.sound_losses import LevelLoss, MelLoss, SpectralLoss
from sonant.nn.voice_mel import VoiceMelFrontEnd
from sonant.recipe import Recipe

HEARD_AT_ONCE: Final = 8
"""Recordings that are judged in one batch."""


class Distance(NamedTuple):
    """What a vocoder's step minimises, and what it is the sum of."""

    value: Tensor
    parts: Mapping[str, Tensor]
    """`level`, `mel`, `spectral`, and with critics `pleasing` and `likeness`."""


@final
class Distances(nn.Module):
    """How far made speech is from the real one, without critics; nothing in it is learned."""

    def __init__(self, settings: VocodingConfig, front_end: VoiceMelFrontEnd) -> None:
        super().__init__()
        self.weights = settings.weights
        self.level = LevelLoss(front_end.config)
        self.mel = MelLoss(front_end)
        self.spectral = SpectralLoss(settings.sizes)

    def forward(self, real: Tensor, made: Made) -> Distance:
        """Segments [batch, 1, samples] and what was made of them."""
        parts = {
            "level": self.level(made.magnitudes, real),
            "mel": self.mel(made.sound, real),
            "spectral": self.spectral(made.sound, real),
        }
        return Distance(sum_of(parts, self.weights), parts)

    def of_levels(self, real: Tensor, magnitudes: Tensor) -> Distance:
        """The part of it for which no sound is made."""
        parts = {"level": self.level(magnitudes, real)}
        return Distance(sum_of(parts, self.weights), parts)


@final
class VocodingTask(nn.Module):
    """Segments, distances and critics; a module, so that critics are kept with a checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        settings: VocodingConfig,
        manifest: Manifest,
        store: ClipStore,
        *,
        model: Vocoder,
        device: torch.device,
    ) -> None:
        """Raises `ManifestError` where there is nothing to train on."""
        super().__init__()
        self.recipe, self.settings, self.device = recipe, settings, device
        self.critics = Critics(settings.critics).to(device)
        self.distances = Distances(settings, model.front_end).to(device)
        train = [number for number, item in enumerate(manifest) if item.split == "train"]
        if not train:
            raise ManifestError(f"{manifest.name}: no recording is to be trained on")
        self.segments = Segments(
            store.select(train),
            length=settings.segment,
            count=settings.segments,
            seed=recipe.seed,
        )
        self.paths = [str(manifest.items[number].path) for number in train]
        self.held = [
            middle(store.clip(number), round(settings.validation_s * recipe.data.rate_hz))
            for number, item in enumerate(manifest)
            if item.split == "validation" and store.lengths[number]
        ]
        self.augment = Augment(recipe.augment, rate_hz=recipe.data.rate_hz, seed=recipe.seed)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-self.segments.count // self.recipe.fit.batch)

    def describe(self) -> str:
        """What is trained on and judged by, in a line."""
        hours = self.segments.store.lengths.sum() / self.recipe.data.rate_hz / 3600
        return (
            f"{hours:.2f} hours of {len(self.paths)} recordings, {self.segments.count} segments an "
            f"epoch; judged by {len(self.held)} recordings"
        )

    def batches(self, *, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from number `first` on."""
        return self.segments.batches(size=self.recipe.fit.batch, epoch=epoch, first=first)

    def real(self, batch: Batch, *, epoch: int) -> Tensor:
        """The varied segments of a batch on the device, [batch, 1, samples]."""
        samples = self.augment(batch.samples, batch.items, epoch=epoch)
        return samples.unsqueeze(1).to(self.device, non_blocking=True)

    def distance(self, real: Tensor, made: Made, *, critics: bool) -> Distance:
        """How far made segments are from real ones, and with `critics` from what these want to hear."""
        found: Distance = self.distances(real, made)
        if not critics:
            return found
        with torch.no_grad():
            wanted = self.critics(real)
        heard = self.critics(made.sound)
        parts = {
            **found.parts,
            "pleasing": pleasing(heard, rule=self.settings.rule),
            "likeness": likeness(wanted, heard),
        }
        return Distance(sum_of(parts, self.settings.weights), parts)

    def judgement(self, real: Tensor, made: Made) -> Tensor:
        """What the critics minimise on the two, the vocoder held."""
        return against(
            self.critics(real), self.critics(made.sound.detach()), rule=self.settings.rule
        )

    def score(self, model: Vocoder) -> dict[str, float]:
        """Mean distances on the recordings that are held out; empty where there are none."""
        return judged(self.distances, model, self.held, device=self.device)

    def where(self, batch: Batch, *, epoch: int) -> list[str]:
        """The recordings of a batch, for messages."""
        return [self.paths[clip] for clip, _ in self.segments.places(batch.items, epoch=epoch)]


@torch.no_grad()
def judged(
    distances: Distances,
    model: Vocoder,
    recordings: Sequence[NDArray[np.int16]],
    *,
    device: torch.device,
) -> dict[str, float]:
    """Mean distances of recordings from what the model makes of them: `loss`, `level`, `mel`, `spectral`.

    Recordings of one length are heard together, each at its own weight.
    """
    by_length: dict[int, list[NDArray[np.int16]]] = {}
    for pcm in recordings:
        by_length.setdefault(len(pcm), []).append(pcm)
    sums = {"loss": 0.0, "level": 0.0, "mel": 0.0, "spectral": 0.0}
    for same in by_length.values():
        for first in range(0, len(same), HEARD_AT_ONCE):
            clips = from_pcm16(np.stack(same[first : first + HEARD_AT_ONCE]))
            real = torch.from_numpy(clips).unsqueeze(1).to(device)
            found: Distance = distances(real, model.make(real))
            sums["loss"] += found.value.item() * len(clips)
            for name, part in found.parts.items():
                sums[name] += part.item() * len(clips)
    return {name: total / len(recordings) for name, total in sums.items()} if recordings else {}


def sum_of(parts: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Each part times its weight."""
    return torch.stack([weights[name] * part for name, part in parts.items()]).sum()


def middle(pcm: NDArray[np.int16], samples: int) -> NDArray[np.int16]:
    """At most so many samples of a recording, from its middle."""
    start = max(0, (len(pcm) - samples) // 2)
    return pcm[start : start + samples]
