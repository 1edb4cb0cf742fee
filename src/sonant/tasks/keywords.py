"""Which word is it? Clips with one label each, cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.attacks.hardening import hardened
from sonant.data.augment import Augment
from sonant.data.batches import Batch, Share, Split, batches, order
from sonant.data.cache import ClipStore
from sonant.draws import Draws
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.tasks import Loss, Task
from sonant.tasks.masks import masks

EVALUATION_BATCH = 64


class KeywordTask(Task):
    """Clips of one word each, told apart by a `Classifier`."""

    def __init__(
        self,
        recipe: Recipe,
        manifest: Manifest,
        store: ClipStore,
        *,
        labels: tuple[str, ...] = (),
        share: Share,
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.labels = labels or manifest.labels
        self.share = share
        self.device = device
        self.precision = precision
        self.train_split, self.train_paths = _split(self, manifest, store, "train")
        self.validation_split, _ = _split(self, manifest, store, "validation")
        if not len(self.train_split):
            raise ManifestError(
                f"{manifest.name}: no clip is in the split 'train'; there are "
                f"{', '.join(manifest.splits) or 'no splits'}. Let sonant split with data.split=stratified"
            )
        if len(self.labels) < 2:
            raise ManifestError(
                f"{manifest.name}: has the one label {self.labels[0]!r}, so there is nothing to tell "
                "apart; give the folder that holds a folder for each word"
            )
        self.augment = Augment(recipe.augment, rate_hz=recipe.data.rate_hz, seed=recipe.seed)
        weights = _label_weights(self.train_split.targets, len(self.labels), recipe)
        self.register_buffer("label_weights", weights.to(device), persistent=False)

    @property
    def clips(self) -> int:
        """Clips in the training split."""
        return len(self.train_split)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-self.clips // self.recipe.fit.batch)

    def adaptation(self) -> Iterator[Tensor]:
        """The training split as it is, [batch, 1, samples], for the front end's statistics."""
        every = np.arange(self.clips)
        for batch in batches(self.train_split, size=EVALUATION_BATCH, order=every, share=Share()):
            yield batch.samples.unsqueeze(1).to(self.device)

    def batches(self, *, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The training batches of an epoch, from number `first` on."""
        return batches(
            self.train_split,
            size=self.recipe.fit.batch,
            order=order(self.clips, seed=self.recipe.seed, epoch=epoch),
            share=self.share,
            first=first,
            draws=(self.recipe.seed, epoch),
        )

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int) -> Loss:
        """Weighted cross-entropy of augmented clips, with smoothed and possibly mixed targets."""
        targets = batch.targets.to(self.device, non_blocking=True)
        samples = self.augment(batch.samples, batch.items, epoch=epoch)
        mixing = self.recipe.augment.mixup_alpha > 0
        if mixing:
            other, other_targets, weight = self._partners(batch, epoch=epoch)
            samples = torch.lerp(other, samples, weight[:, None])
        samples = self._with_context(samples, batch, epoch=epoch)
        samples = samples.to(self.device, non_blocking=True)
        draws = Draws(self.recipe.seed, epoch, batch.items)

        def losses(logits: Tensor) -> Tensor:
            loss = self._cross_entropy(logits, targets)
            if mixing:
                mixed = self._cross_entropy(logits, other_targets.to(self.device))
                loss = torch.lerp(mixed, loss, weight.to(self.device))
            return loss

        samples = self._hardened(model, samples, losses, draws)
        with self._autocast():
            logits = model(samples, masks(self.recipe.augment, draws)).float()
        loss = losses(logits)
        right = (logits.detach().argmax(1) == targets).sum()
        return Loss(loss.mean() * batch.share, right if batch.share else right * 0)

    def _hardened(
        self, model: nn.Module, samples: Tensor, losses: Callable[[Tensor], Tensor], draws: Draws
    ) -> Tensor:
        """[batch, samples], some of them changed to raise the loss."""

        def of_samples(own: nn.Module, changed: Tensor) -> Tensor:
            with self._autocast():
                return losses(own(changed.squeeze(1)).float())

        settings = self.recipe.augment
        return hardened(
            model, samples.unsqueeze(1), of_samples, config=settings, draws=draws
        ).squeeze(1)

    def _partners(self, batch: Batch, *, epoch: int) -> tuple[Tensor, Tensor, Tensor]:
        """For mixup: another clip for each, its target, and the weight of the first."""
        partners, weight = self.augment.mixup_plan(batch.items, epoch=epoch, population=self.clips)
        samples = self._augmented(partners, epoch=epoch)
        targets = torch.from_numpy(self.train_split.targets[partners])
        return samples, targets, torch.from_numpy(weight)

    def _with_context(self, samples: Tensor, batch: Batch, *, epoch: int) -> Tensor:
        """What a stream has heard before the clip begins: the end of another one, or silence."""
        length = round(self.recipe.augment.context_ms * self.recipe.data.rate_hz / 1000)
        if not length:
            return samples
        partners, heard = self.augment.context_plan(batch.items, epoch=epoch, population=self.clips)
        before = self._augmented(partners, epoch=epoch)[:, -length:]
        return torch.cat([before * torch.from_numpy(heard)[:, None], samples], 1)

    def _augmented(self, items: NDArray[np.int64], *, epoch: int) -> Tensor:
        placed = Draws(self.recipe.seed, epoch, items)
        return self.augment(self.train_split.samples(items, draws=placed), items, epoch=epoch)

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        """[batch]; weights average 1 over the training split, so processes can simply be summed."""
        smoothing = self.recipe.fit.label_smoothing
        loss = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
        return loss * self.get_buffer("label_weights")[targets]

    def _autocast(self) -> torch.autocast:
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, dtype=self.precision, enabled=enabled)

    @torch.no_grad()
    def score(self, model: nn.Module) -> Mapping[str, float]:
        """Sums of loss and right answers over this process' share of the validation split."""
        split = self.validation_split
        if not len(split):
            return {}
        sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        every = np.arange(len(split))
        for batch in batches(split, size=EVALUATION_BATCH, order=every, share=self.share):
            if not batch.share:
                continue
            targets = batch.targets.to(self.device)
            with self._autocast():
                logits = model(batch.samples.to(self.device)).float()
            sums[0] += len(targets)
            sums[1] += F.cross_entropy(logits, targets, reduction="sum")
            sums[2] += (logits.argmax(1) == targets).sum()
        clips, loss, right = sums.tolist()
        return {"clips": clips, "loss": loss, "accuracy": right}

    def paths(self, batch: Batch) -> list[str]:
        """The files of a batch, for messages."""
        return [self.train_paths[item] for item in batch.items]


def _split(
    task: KeywordTask, manifest: Manifest, store: ClipStore, name: str
) -> tuple[Split, list[str]]:
    numbers = [number for number, item in enumerate(manifest) if item.split == name]
    place = {label: number for number, label in enumerate(task.labels)}
    targets = np.array([place[manifest.items[number].label] for number in numbers], np.int64)
    data = task.recipe.data
    split = Split(
        store=store.select(numbers),
        targets=targets,
        window=data.samples,
        pad=data.pad,
        crop=data.crop,
    )
    return split, [str(manifest.items[number].path) for number in numbers]


def _label_weights(targets: NDArray[np.int64], labels: int, recipe: Recipe) -> Tensor:
    """One weight a label; `balanced` makes every label count the same in an epoch."""
    if recipe.fit.class_weights == "none":
        return torch.ones(labels)
    counts = np.bincount(targets, minlength=labels)
    return torch.from_numpy(len(targets) / (labels * np.maximum(counts, 1))).float()
