"""The spoofing task: its loss, its score, and that nothing of it depends on what it should not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.data.batches import Batch, Share
from sonant.data.cache import decode_manifest
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.models.detector import SpoofDetector
from sonant.models.detectors import DetectorConfig, build_detector
from sonant.nn.spoof_features_config import LfccConfig
from sonant.recipe import Recipe
from sonant.tasks.spoofing import SpoofingTask
from sonant.verification import rates
from spoof_corpus import RATE_HZ, SPOOF_RECIPE, spoof_corpus

ALONE = Share()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoof_corpus(tmp_path_factory.mktemp("corpus"))


def task_of(corpus: Manifest, *overrides: str, share: Share = ALONE) -> SpoofingTask:
    recipe = Recipe.load(SPOOF_RECIPE, overrides)
    return SpoofingTask(
        recipe,
        corpus,
        decode_manifest(corpus, rate_hz=RATE_HZ).store,
        share=share,
        device=torch.device("cpu"),
        precision=torch.float32,
    )


def model_of(task: SpoofingTask) -> SpoofDetector:
    recipe = task.recipe
    assert isinstance(recipe.front_end, LfccConfig)
    assert isinstance(recipe.model, DetectorConfig)
    torch.manual_seed(0)
    return build_detector(
        recipe.front_end, recipe.model, rate_hz=RATE_HZ, samples=recipe.data.samples
    )


def first(task: SpoofingTask) -> Batch:
    return next(iter(task.batches(epoch=0)))


class Told(nn.Module):
    """A model whose logits are made by a function of the samples and their lengths."""

    def __init__(self, answer: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, samples: Tensor, lengths: Tensor, vary: object = None) -> Tensor:
        return self.answer(samples, lengths)


def test_a_clip_s_target_is_its_label_and_its_length_is_what_is_sound(corpus: Manifest) -> None:
    task = task_of(corpus, "data.duration_s=0.7")
    for batch in task.batches(epoch=0):
        assert batch.lengths is not None
        for path, target, length, samples in zip(
            task.paths(batch),
            batch.targets.tolist(),
            batch.lengths.tolist(),
            batch.samples,
            strict=True,
        ):
            assert Path(path).parent.name == task.labels[target]
            assert not samples[length:].any()
            assert samples[length - 50 : length].any()
    assert task.clips == 48
    assert task.steps == 6


def test_the_loss_is_weighted_cross_entropy_of_the_model_s_logits(corpus: Manifest) -> None:
    weights = "spoofing.loss={name='cross_entropy', weights=[0.75, 0.25]}"
    task = task_of(corpus, weights)
    model, batch = model_of(task).eval(), first(task)
    loss, right = task.loss(model, batch, epoch=0)
    logits = model(batch.samples, batch.lengths)
    each = F.cross_entropy(logits, batch.targets, reduction="none")
    wanted = (each * torch.tensor([1.5, 0.5])[batch.targets]).mean()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert right.item() == (logits.argmax(1) == batch.targets).sum().item()


def test_the_one_class_loss_is_that_of_the_head_s_cosines(corpus: Manifest) -> None:
    task = task_of(corpus, "spoofing.loss={name='one_class'}", "model.head=cosine")
    model, batch = model_of(task).eval(), first(task)
    wanted = task.criterion(model(batch.samples, batch.lengths), batch.targets).mean()
    assert task.loss(model, batch, epoch=0).value.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_processes_add_up_to_the_loss_of_one(corpus: Manifest) -> None:
    alone = task_of(corpus, "fit.batch=6")
    model = model_of(alone).eval()
    wanted = alone.loss(model, first(alone), epoch=0)
    parts = []
    for rank in range(2):
        task = task_of(corpus, "fit.batch=6", share=Share(rank=rank, of=2))
        parts.append(task.loss(model, first(task), epoch=0))
    assert sum(p.value.item() for p in parts) / 2 == pytest.approx(wanted.value.item(), rel=1e-5)
    assert sum(p.right.item() for p in parts) == wanted.right.item()


def test_bands_are_masked_in_training_and_never_in_the_score(corpus: Manifest) -> None:
    plain, masked = (
        task_of(corpus),
        task_of(corpus, "augment.freq_masks=4", "augment.freq_mask_bins=24"),
    )
    model, batch = model_of(plain).eval(), first(plain)
    assert plain.loss(model, batch, epoch=0).value != masked.loss(model, batch, epoch=0).value
    assert plain.score(model) == masked.score(model)


def test_the_score_is_the_equal_error_rate_of_the_validation_split(corpus: Manifest) -> None:
    task = task_of(corpus)
    seen: list[Tensor] = []

    def by_energy(samples: Tensor, lengths: Tensor) -> Tensor:
        energy = samples.square().sum(1) / lengths
        seen.append(energy)
        return torch.stack([energy, -energy], 1)

    found = task.score(Told(by_energy))
    energies = torch.cat(seen).double().numpy()
    assert len(energies) == 16
    truth = task.validation_split.targets == 0
    assert found["eer"] == pytest.approx(rates.eer(energies, truth))
    assert found["clips"] == 1.0
    assert 0 <= found["accuracy"] <= 1


def test_without_a_validation_split_or_with_one_kind_of_clip_there_is_no_rate(
    corpus: Manifest,
) -> None:
    model = Told(lambda samples, lengths: torch.zeros(len(samples), 2))
    train = corpus.where(split="train")
    assert task_of(train).score(model) == {}
    genuine = [item for item in corpus if item.split == "validation" and item.label == "bonafide"]
    found = task_of(train.with_items([*train, *genuine])).score(model)
    assert "eer" not in found
    assert np.isfinite(found["loss"])


def test_the_test_split_is_never_looked_at(corpus: Manifest) -> None:
    without = corpus.with_items(item for item in corpus if item.split != "test")
    model = model_of(task_of(corpus)).eval()
    assert task_of(corpus).score(model) == task_of(without).score(model)


def test_training_on_one_kind_alone_is_refused(corpus: Manifest) -> None:
    genuine = corpus.where(labels=("bonafide",))
    with pytest.raises(ManifestError, match="24 bona fide clips and 0 spoofs"):
        task_of(genuine)


def test_it_says_what_is_trained_on(corpus: Manifest) -> None:
    said = task_of(corpus).describe()
    assert said == (
        "24 bona fide and 24 forged clips in train, 8 bona fide and 8 forged clips in validation"
    )
