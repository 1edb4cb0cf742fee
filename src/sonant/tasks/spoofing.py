"""Is it a person who speaks? Clips bona fide or forged, a weighted loss, error rate on held-out speakers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.data.augment import Augment
from sonant.data.batches import Batch, Share, Split, batches, order
from sonant.data.cache import ClipStore
from sonant.data.spoofing_config import SpoofingConfig
from sonant.draws import Draws
from sonant.errors import ManifestError
from sonant.listing.spoof_labels import LABELS
from sonant.manifest import Manifest
from sonant.nn.spoof_losses import spoof_loss_for
from sonant.recipe import Recipe
from sonant.tasks import Loss, Task
from sonant.tasks.masks import masks
from sonant.verification import rates

EVALUATION_BATCH = 16


class SpoofingTask(Task):
    """Clips of `data.duration_s` at most, told apart by a `SpoofDetector`.

    The best epoch is chosen on the validation split alone; the test split is never looked at here.
    """

    def __init__(
        self,
        recipe: Recipe,
        manifest: Manifest,
        store: ClipStore,
        *,
        share: Share,
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        """Raises `ManifestError` where the training split lacks one of the two kinds of clips."""
        super().__init__()
        self.recipe, self.settings = recipe, recipe.spoofing or SpoofingConfig()
        self.labels = LABELS
        self.share, self.device, self.precision = share, device, precision
        self.train_split, self.train_paths = _split(recipe, manifest, store, "train")
        self.validation_split, _ = _split(recipe, manifest, store, "validation")
        bonafide, spoofs = np.bincount(self.train_split.targets, minlength=len(LABELS)).tolist()
        if not bonafide or not spoofs:
            raise ManifestError(
                f"{manifest.name}: has {bonafide} bona fide clips and {spoofs} spoofs to train on, and "
                "telling the two apart takes both"
            )
        self.criterion = spoof_loss_for(self.settings.loss, counts=(bonafide, spoofs)).to(device)
        self.augment = Augment(recipe.augment, rate_hz=recipe.data.rate_hz, seed=recipe.seed)

    @property
    def clips(self) -> int:
        """Clips in the training split."""
        return len(self.train_split)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-self.clips // self.recipe.fit.batch)

    def describe(self) -> str:
        """What is trained on and validated by, in a line."""
        parts = []
        for name, split in (("train", self.train_split), ("validation", self.validation_split)):
            spoofs = int(split.targets.sum())
            parts.append(f"{len(split) - spoofs} bona fide and {spoofs} forged clips in {name}")
        return ", ".join(parts)

    def adaptation(self) -> Iterator[Tensor]:
        """Nothing: a detector's features are not normalised by data."""
        return iter(())

    def batches(self, *, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The training batches of an epoch, from number `first` on."""
        plan = batches(
            self.train_split,
            size=self.recipe.fit.batch,
            order=order(self.clips, seed=self.recipe.seed, epoch=epoch),
            share=self.share,
            first=first,
            draws=(self.recipe.seed, epoch),
        )
        for batch in plan:
            yield replace(batch, lengths=_lengths(self.train_split, batch.items))

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int) -> Loss:
        """The recipe's loss of augmented clips."""
        targets = batch.targets.to(self.device, non_blocking=True)
        samples = self.augment(batch.samples, batch.items, epoch=epoch)
        draws = Draws(self.recipe.seed, epoch, batch.items)
        logits = self._logits(model, samples, batch.lengths, masks(self.recipe.augment, draws))
        value = self.criterion(logits, targets).mean()
        right = (logits.detach().argmax(1) == targets).sum()
        return Loss(value * batch.share, right if batch.share else right * 0)

    def _logits(
        self, model: nn.Module, samples: Tensor, lengths: Tensor | None, vary: object = None
    ) -> Tensor:
        enabled = self.precision != torch.float32
        with torch.autocast(self.device.type, dtype=self.precision, enabled=enabled):
            logits: Tensor = model(
                samples.to(self.device, non_blocking=True),
                None if lengths is None else lengths.to(self.device),
                vary,
            )
        return logits.float()

    @torch.no_grad()
    def score(self, model: nn.Module) -> Mapping[str, float]:
        """Loss, accuracy and equal error rate on the validation split; no rate where it has one kind alone.

        A rate is no sum over clips, so every process finds the whole of it.
        """
        split = self.validation_split
        if not len(split):
            return {}
        every = np.arange(len(split))
        plan = batches(split, size=EVALUATION_BATCH, order=every, share=Share())
        logits = torch.cat(
            [self._logits(model, b.samples, _lengths(split, b.items)).cpu() for b in plan]
        )
        split.store.release()
        targets = torch.from_numpy(split.targets)
        found = {
            "clips": 1.0,
            "loss": F.cross_entropy(logits, targets).item(),
            "accuracy": (logits.argmax(1) == targets).double().mean().item(),
        }
        if len(np.unique(split.targets)) > 1:
            scores = (logits[:, 0] - logits[:, 1]).double().numpy()
            found["eer"] = rates.eer(scores, split.targets == 0)
        return found

    def paths(self, batch: Batch) -> list[str]:
        """The files of a batch, for messages."""
        return [self.train_paths[item] for item in batch.items]


def _split(
    recipe: Recipe, manifest: Manifest, store: ClipStore, name: str
) -> tuple[Split, list[str]]:
    numbers = [number for number, item in enumerate(manifest) if item.split == name]
    items = [manifest.items[number] for number in numbers]
    data = recipe.data
    split = Split(
        store=store.select(numbers),
        targets=np.array([LABELS.index(item.label) for item in items], np.int64),
        window=data.samples,
        pad="end",  # so that lengths say which samples are sound
        crop=data.crop,
    )
    return split, [str(item.path) for item in items]


def _lengths(split: Split, items: NDArray[np.int64]) -> Tensor:
    """Samples of each clip that are sound, [batch]."""
    return torch.from_numpy(np.minimum(split.store.lengths[items], split.window))
