"""The same words in another voice: segments said again by their own voice, L1 on unseen speakers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from sonant.data.augment import Augment
from sonant.data.batches import Batch, Share
from sonant.data.cache import ClipStore
from sonant.data.conversion_config import ConversionConfig
from sonant.data.speaker_batches import CROP_STEP_S, SpeakerBatches, SpeakerSplit
from sonant.data.speaker_config import SpeakerConfig
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.models.embedder import SpeakerEmbedder
from sonant.nn.voice_mel import VoiceMel
from sonant.recipe import Recipe
from sonant.tasks import Loss, Task
from sonant.tasks.consistency import Consistency
from sonant.tasks.reconstruction import Middles, Reconstruction


class ConversionTask(Task):
    """Middles of many speakers, converted by a `VoiceConverter`; the label of a clip is whose it is.

    The style comes from the segment itself with its halves swapped, so no two recordings of the same
    words are wanted. With a model of speakers, segments are said in each other's voices besides, and
    have to sound like them.
    """

    counts_right = False

    def __init__(
        self,
        recipe: Recipe,
        manifest: Manifest,
        store: ClipStore,
        *,
        judge: SpeakerEmbedder | None = None,
        share: Share,
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        """`judge` is the model of `conversion.speaker`. Raises `ManifestError` without a clip to train on."""
        super().__init__()
        settings = recipe.conversion or ConversionConfig()
        assert isinstance(recipe.front_end, VoiceMel)
        self.recipe, self.settings = recipe, settings
        self.share, self.device, self.precision = share, device, precision
        self.labels: tuple[str, ...] = ()
        self.train_split = SpeakerSplit.of(manifest, store, "train")
        self.train_paths = [str(item.path) for item in manifest.where(split="train")]
        if not len(self.train_split):
            raise ManifestError(
                f"{manifest.name}: no clip is in the split 'train'; there are "
                f"{', '.join(manifest.splits) or 'no splits'}. Let sonant split with data.split=speaker"
            )
        self.samples = (settings.segment_frames - 1) * recipe.front_end.hop_length
        self.plan = SpeakerBatches(
            self.train_split,
            SpeakerConfig(crops=settings.crops, crop_s=self._crop_s()),
            batch=recipe.fit.batch,
            seed=recipe.seed,
        )
        self.augment = Augment(recipe.augment, rate_hz=recipe.data.rate_hz, seed=recipe.seed)
        self.reconstruction = Reconstruction(recipe.front_end, rate_hz=recipe.data.rate_hz)
        self.consistency: Consistency | None = None
        if judge is not None:
            self.consistency = Consistency(recipe.front_end, judge)
        self.to(device)
        self.held = Middles(SpeakerSplit.of(manifest, store, "validation"), self.samples)

    def _crop_s(self) -> tuple[float, float]:
        """Seconds of a crop that has all samples of a segment: crops are whole hundredths long."""
        seconds = self.samples / self.recipe.data.rate_hz
        whole = float(np.ceil(seconds / CROP_STEP_S - 1e-6)) * CROP_STEP_S
        return whole, whole

    @property
    def clips(self) -> int:
        """Middles in an epoch."""
        return self.plan.crops

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.plan.steps

    def describe(self) -> str:
        """What is trained on and validated by, in a line."""
        return (
            f"{self.train_split.count} speakers to train on, {self.steps} steps of "
            f"{self.recipe.fit.batch} segments an epoch; validated on {len(self.held)} recordings of "
            f"{self.held.split.count} others"
        )

    def adaptation(self) -> Iterator[Tensor]:
        """Nothing: a mel is taken as it is."""
        return iter(())

    def batches(self, *, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The training batches of an epoch, from number `first` on."""
        return self.plan.batches(epoch=epoch, first=first, share=self.share)

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int) -> Loss:
        """Distance of augmented segments from themselves, and of conversions from their targets' voices."""
        samples = self.augment(batch.samples, batch.items, epoch=epoch)[:, : self.samples]
        samples = samples.to(self.device, non_blocking=True)
        lengths = torch.full((len(samples),), self.samples)
        if batch.lengths is not None:
            lengths = batch.lengths.clamp(max=self.samples)
        lengths = lengths.to(self.device)
        with self._autocast():
            said = model(samples.unsqueeze(1), None, lengths)
        value = self.reconstruction(said, samples, lengths).mean()
        if self.consistency is not None and epoch >= self.settings.speaker_epochs:
            with self._autocast():
                away = self.consistency(model, samples, lengths)
            value = value + self.settings.speaker_weight * away.mean()
        return Loss(value * batch.share, torch.zeros((), device=self.device))

    def _autocast(self) -> torch.autocast:
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, dtype=self.precision, enabled=enabled)

    def score(self, model: nn.Module) -> Mapping[str, float]:
        """Sum of the distances of validation segments from themselves, over this process' share of them."""
        return self.held.score(
            model,
            self.reconstruction,
            share=self.share,
            device=self.device,
            precision=self.precision,
        )

    def paths(self, batch: Batch) -> list[str]:
        """The files of a batch, for messages."""
        return [self.train_paths[item % len(self.train_split)] for item in batch.items]
