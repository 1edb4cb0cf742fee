"""The keyword task: its loss, its score, and that nothing of it depends on batch mates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.bundle import build_classifier
from sonant.data.batches import Batch, Share
from sonant.data.cache import decode_manifest
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.recipe import Recipe
from sonant.tasks.keywords import KeywordTask
from words import SMALL, spoken_words

ALONE = Share()
STILL = ["model.dropout=0.0", "model.dense_dropout=0.0"]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoken_words(tmp_path_factory.mktemp("words"))


def task_of(words: Manifest, *overrides: str, share: Share = ALONE) -> KeywordTask:
    recipe = Recipe.load(SMALL, [*STILL, *overrides])
    store = decode_manifest(words, rate_hz=recipe.data.rate_hz).store
    return KeywordTask(
        recipe, words, store, share=share, device=torch.device("cpu"), precision=torch.float32
    )


def model_of(task: KeywordTask) -> nn.Module:
    torch.manual_seed(0)
    return build_classifier(task.recipe, task.labels)


def first(task: KeywordTask) -> Batch:
    return next(iter(task.batches(epoch=0)))


def test_labels_are_sorted_and_numbers_follow_them(words: Manifest) -> None:
    task = task_of(words)
    assert task.labels == ("high", "low", "noise")
    batch = first(task)
    for path, target in zip(task.paths(batch), batch.targets.tolist(), strict=True):
        assert Path(path).parent.name == task.labels[target]


def test_the_loss_is_cross_entropy_of_logits(words: Manifest) -> None:
    task = task_of(words, "augment.shift_ms=0.0")
    model, batch = model_of(task), first(task)
    loss, right = task.loss(model, batch, epoch=0)
    logits = model(batch.samples)
    assert loss.item() == pytest.approx(F.cross_entropy(logits, batch.targets).item())
    assert right.item() == (logits.argmax(1) == batch.targets).sum().item()
    assert not torch.allclose(logits.sum(1), torch.ones(len(logits))), "no softmax in the model"


def test_balanced_weights_average_to_one_and_favour_the_rare(words: Manifest) -> None:
    train = [item for item in words if item.split == "train"]
    rare = [item for item in train if item.label == "low"][:3]
    others = [item for item in train if item.label != "low"]
    task = task_of(Manifest(items=tuple(others + rare)), "fit.class_weights=balanced")
    weights = task.get_buffer("label_weights")
    targets = torch.from_numpy(task.train_split.targets)
    assert weights[targets].mean().item() == pytest.approx(1)
    assert weights.argmax().item() == task.labels.index("low")


def test_processes_add_up_to_the_loss_of_one(words: Manifest) -> None:
    alone = task_of(words, "fit.batch=7")
    model = model_of(alone)
    for number in (0, alone.steps - 1):
        whole = list(alone.batches(epoch=0))[number]
        wanted = alone.loss(model, whole, epoch=0)
        parts = []
        for rank in range(2):
            task = task_of(words, "fit.batch=7", share=Share(rank=rank, of=2))
            parts.append(task.loss(model, list(task.batches(epoch=0))[number], epoch=0))
        assert sum(p.value.item() for p in parts) / 2 == pytest.approx(
            wanted.value.item(), rel=1e-5
        )
        assert sum(p.right.item() for p in parts) == wanted.right.item()


def test_mixup_lies_between_the_two_clips_it_mixes(words: Manifest) -> None:
    task = task_of(words, "augment.shift_ms=0.0", "augment.mixup_alpha=0.5")
    batch = first(task)
    heard: list[Tensor] = []

    class Listening(nn.Module):
        def forward(self, samples: Tensor, vary: object) -> Tensor:
            heard.append(samples)
            return torch.zeros(len(samples), 3, requires_grad=True)

    loss, _ = task.loss(Listening(), batch, epoch=0)
    partners, weight = task.augment.mixup_plan(batch.items, epoch=0, population=task.clips)
    other = task.train_split.samples(partners)
    share = torch.from_numpy(weight)[:, None]
    torch.testing.assert_close(heard[0], share * batch.samples + (1 - share) * other)
    assert loss.item() == pytest.approx(np.log(3), rel=1e-5)


def test_a_stream_hears_the_end_of_another_clip_before_each(words: Manifest) -> None:
    task = task_of(words, "augment.context_ms=100", "augment.shift_ms=0.0")
    batch = first(task)
    heard: list[Tensor] = []

    class Listening(nn.Module):
        def forward(self, samples: Tensor, vary: object) -> Tensor:
            heard.append(samples)
            return torch.zeros(len(samples), 3, requires_grad=True)

    task.loss(Listening(), batch, epoch=0)
    partners, some = task.augment.context_plan(batch.items, epoch=0, population=task.clips)
    length = task.recipe.data.rate_hz // 10
    before = task.train_split.samples(partners)[:, -length:] * torch.from_numpy(some)[:, None]
    torch.testing.assert_close(heard[0], torch.cat([before, batch.samples], 1))
    assert some.any()


def test_masks_reach_the_features_in_training_only(words: Manifest) -> None:
    task = task_of(words, "augment.time_masks=2", "augment.time_mask_frames=6")
    model, batch = model_of(task), first(task)
    masked = task.loss(model, batch, epoch=0).value.item()
    assert masked != pytest.approx(task_of(words).loss(model, batch, epoch=0).value.item())
    assert task.score(model) == task_of(words).score(model)


def test_the_score_is_a_sum_over_the_validation_split(words: Manifest) -> None:
    task = task_of(words)
    model = model_of(task).eval()
    score = task.score(model)
    split = task.validation_split
    with torch.no_grad():
        logits = model(split.samples(np.arange(len(split))))
    targets = torch.from_numpy(split.targets)
    assert score["clips"] == len(split)
    assert score["loss"] == pytest.approx(F.cross_entropy(logits, targets, reduction="sum").item())
    assert score["accuracy"] == (logits.argmax(1) == targets).sum().item()


def test_the_shares_of_processes_add_up_to_the_score(words: Manifest) -> None:
    model = model_of(task_of(words)).eval()
    whole = task_of(words).score(model)
    parts = [task_of(words, share=Share(rank=r, of=3)).score(model) for r in range(3)]
    for name, value in whole.items():
        assert sum(part[name] for part in parts) == pytest.approx(value)


def test_without_validation_there_is_no_score(words: Manifest) -> None:
    only_train = Manifest(items=tuple(item for item in words if item.split == "train"))
    task = task_of(only_train)
    assert task.score(model_of(task)) == {}


def test_without_training_clips_it_says_what_there_is(words: Manifest) -> None:
    no_train = Manifest(items=tuple(item for item in words if item.split != "train"), name="words")
    with pytest.raises(ManifestError, match=r"no clip is in the split 'train'.*validation, test"):
        task_of(no_train)


def test_adaptation_hears_every_training_clip_once_as_it_is(words: Manifest) -> None:
    task = task_of(words)
    heard = torch.cat(list(task.adaptation()))
    assert heard.shape == (task.clips, 1, 1000)
    torch.testing.assert_close(heard[:, 0], task.train_split.samples(np.arange(task.clips)))


def test_adversarial_clips_cost_the_model_more_and_the_same_run_makes_the_same(
    words: Manifest,
) -> None:
    still = ("augment.shift_ms=0.0",)
    hard = (*still, "augment.adversarial_epsilon=0.02", "augment.adversarial_share=1.0")
    plain, attacked = task_of(words, *still), task_of(words, *hard)
    model, batch = model_of(plain), first(plain)
    usual = plain.loss(model, batch, epoch=0).value
    harder = attacked.loss(model, batch, epoch=0).value
    assert harder > usual
    assert attacked.loss(model, batch, epoch=0).value == harder
    assert model.training
    harder.backward()
    assert any(weight.grad is not None for weight in model.parameters())
