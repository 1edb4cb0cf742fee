"""Who is it? Crops of many speakers, a loss on their embeddings, equal error rate on speakers never heard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from sonant.attacks.hardening import hardened
from sonant.data.augment import Augment
from sonant.data.batches import Batch, Share
from sonant.data.cache import ClipStore
from sonant.data.speaker_batches import SpeakerBatches, SpeakerSplit
from sonant.data.speaker_config import SpeakerConfig
from sonant.draws import Draws
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.nn.losses import loss_for
from sonant.recipe import Recipe
from sonant.tasks import Loss, Task
from sonant.tasks.collapse import CollapseMonitor
from sonant.tasks.masks import masks
from sonant.tasks.speaker_scores import HeldOut

CENTROID_CLIPS = 10
"""Recordings of a speaker that say where a loss begins; more change little."""


class SpeakerTask(Task):
    """Crops of speakers, embedded by a `SpeakerEmbedder`; the label of a clip is whose it is."""

    def __init__(
        self,
        recipe: Recipe,
        manifest: Manifest,
        store: ClipStore,
        *,
        size: int,
        share: Share,
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        """`size` is that of the model's embeddings. Raises `ManifestError` without two speakers."""
        super().__init__()
        self.recipe, self.settings = recipe, recipe.speaker or SpeakerConfig()
        self.share, self.device, self.precision = share, device, precision
        self.labels: tuple[str, ...] = ()  # what is learned of the training's speakers is left out
        self.train_split = SpeakerSplit.of(manifest, store, "train")
        self.train_paths = [str(item.path) for item in manifest.where(split="train")]
        if self.train_split.count < 2:
            raise ManifestError(
                f"{manifest.name}: has {self.train_split.count} speakers to train on, and telling "
                "speakers apart takes two or more; give a folder with a folder for each speaker"
            )
        self.plan = SpeakerBatches(
            self.train_split, self.settings, batch=recipe.fit.batch, seed=recipe.seed
        )
        self.criterion = loss_for(self.settings.loss, size=size, speakers=self.plan.voices)
        self.criterion.to(device)
        self.augment = Augment(recipe.augment, rate_hz=recipe.data.rate_hz, seed=recipe.seed)
        self.monitor = CollapseMonitor(
            cosine=self.settings.collapse_cosine, steps=self.settings.collapse_steps
        )
        self.held = HeldOut(recipe, SpeakerSplit.of(manifest, store, "validation"))

    @property
    def clips(self) -> int:
        """Crops in an epoch."""
        return self.plan.crops

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.plan.steps

    def describe(self) -> str:
        """What is trained on and validated by, in a line."""
        return f"{self.train_split.count} speakers to train on; {self.held.describe()}"

    def adaptation(self) -> Iterator[Tensor]:
        """Nothing: utterances are normalised by themselves."""
        return iter(())

    def batches(self, *, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The training batches of an epoch, from number `first` on."""
        return self.plan.batches(epoch=epoch, first=first, share=self.share)

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int) -> Loss:
        """The loss of augmented crops; raises `TrainingError` where embeddings have collapsed."""
        speakers = batch.targets.to(self.device, non_blocking=True)
        samples = self.augment(batch.samples, batch.items, epoch=epoch).unsqueeze(1)
        samples = samples.to(self.device, non_blocking=True)
        lengths = None if batch.lengths is None else batch.lengths.to(self.device)
        draws = Draws(self.recipe.seed, epoch, batch.items)

        def losses(own: nn.Module, changed: Tensor) -> Tensor:
            with self._autocast():
                found = own(changed, lengths).float()
            value: Tensor = self.criterion(found, speakers, epoch=epoch).value
            return value

        settings = self.recipe.augment
        samples = hardened(model, samples, losses, config=settings, draws=draws, lengths=lengths)
        with self._autocast():
            embeddings = model(samples, lengths, masks(self.recipe.augment, draws)).float()
        self.monitor.watch(embeddings, speakers)
        each = self.criterion(embeddings, speakers, epoch=epoch)
        right = each.right.sum()
        return Loss(each.value.mean() * batch.share, right if batch.share else right * 0)

    def _autocast(self) -> torch.autocast:
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, dtype=self.precision, enabled=enabled)

    def score(self, model: nn.Module) -> Mapping[str, float]:
        """Equal error rate and mean cosine between speakers, over all pairs of validation pieces.

        A rate is no sum over clips, so every process finds the whole of it.
        """
        if not self.held.pieces.has_both:
            return {}
        found = self.held.embeddings(model, device=self.device, precision=self.precision)
        return {"clips": 1.0, **self.held.figures(found)}

    def begin_at(self, model: nn.Module) -> None:
        """Let the loss begin with what a trained model thinks of the speakers."""
        some = _first_of_each(self.train_split, CENTROID_CLIPS)
        held = HeldOut(self.recipe, self.train_split.select(some))
        found = held.embeddings(model.eval(), device=self.device, precision=self.precision)
        sums = torch.zeros(self.train_split.count, found.shape[1], device=found.device)
        sums.index_add_(0, torch.from_numpy(held.pieces.speakers).to(found.device), found)
        # A speaker at another speed begins as the same one: the model has yet to hear it.
        copies = self.plan.voices // self.train_split.count
        self.criterion.begin_at(nn.functional.normalize(sums, dim=1).repeat(copies, 1))

    def paths(self, batch: Batch) -> list[str]:
        """The files of a batch, for messages."""
        return [self.train_paths[item % len(self.train_split)] for item in batch.items]


def _first_of_each(split: SpeakerSplit, count: int) -> list[int]:
    """The numbers of the first `count` recordings of every speaker."""
    order = np.argsort(split.speakers, kind="stable")
    whose = split.speakers[order]
    rank = np.arange(len(order)) - np.searchsorted(whose, whose)
    return sorted(order[rank < count].tolist())
