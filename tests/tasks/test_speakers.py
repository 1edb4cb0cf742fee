"""The speaker task: its losses, its score, and that nothing of it depends on what it should not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.bundle import build_speaker_model
from sonant.data.batches import Batch, Share
from sonant.data.cache import decode_manifest
from sonant.errors import ManifestError, TrainingError
from sonant.manifest import Manifest
from sonant.nn.losses import AamLoss
from sonant.recipe import Recipe
from sonant.tasks.speakers import SpeakerTask
from tone_speakers import RATE_HZ, SPEAKERS_RECIPE, tone_speakers

ALONE = Share()
TRIPLETS = ("speaker.loss.name=triplet", "speaker.together=2")


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speakers(tmp_path_factory.mktemp("voices"))


def task_of(voices: Manifest, *overrides: str, share: Share = ALONE) -> SpeakerTask:
    recipe = Recipe.load(SPEAKERS_RECIPE, overrides)
    torch.manual_seed(0)
    return SpeakerTask(
        recipe,
        voices,
        decode_manifest(voices, rate_hz=RATE_HZ).store,
        size=12,
        share=share,
        device=torch.device("cpu"),
        precision=torch.float32,
    )


def model_of(task: SpeakerTask) -> nn.Module:
    torch.manual_seed(0)
    return build_speaker_model(task.recipe)


def first(task: SpeakerTask) -> Batch:
    return next(iter(task.batches(epoch=0)))


class Told(nn.Module):
    """A model whose embeddings are made by a function of the samples, and that remembers what it heard."""

    def __init__(self, answer: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.answer = answer
        self.heard: list[Tensor] = []

    def forward(self, samples: Tensor, lengths: Tensor | None, vary: object = None) -> Tensor:
        self.heard.append(samples)
        return F.normalize(self.answer(samples), dim=1)


def tones(samples: Tensor) -> Tensor:
    """How much of 12 bands is in the samples: by and large, whose they are."""
    spectrum = torch.fft.rfft(samples[:, 0], n=2048).abs()
    return F.adaptive_avg_pool1d(spectrum[:, None], 12)[:, 0]


def test_the_label_of_a_crop_is_its_speaker_and_its_file_can_be_named(voices: Manifest) -> None:
    task = task_of(voices, "speaker.speeds=[0.9]")
    names = sorted({item.speaker for item in voices if item.split == "train"})
    for batch in task.batches(epoch=0):
        for path, target in zip(task.paths(batch), batch.targets.tolist(), strict=True):
            assert Path(path).parent.name == names[target % len(names)]
    assert task.clips == 2 * 12 * 8
    assert task.labels == ()


def test_the_loss_is_that_of_the_head_on_the_models_embeddings(voices: Manifest) -> None:
    task = task_of(voices)
    model, batch = model_of(task), first(task)
    loss, right = task.loss(model, batch, epoch=0)
    each = task.criterion(model(batch.samples[:, None]), batch.targets, epoch=0)
    assert loss.item() == pytest.approx(each.value.mean().item(), rel=1e-5)
    assert right.item() == each.right.sum().item()


def test_triplets_are_mined_from_what_the_model_says_now(voices: Manifest) -> None:
    """Each loss is that of the hardest pair in the batch, by the embeddings of this very step."""
    task = task_of(voices, *TRIPLETS, "fit.batch=12")
    batch = first(task)
    found = F.normalize(torch.randn(12, 12, generator=torch.Generator().manual_seed(0)), dim=1)
    cosines, who = found @ found.T, batch.targets
    same = who[:, None] == who[None]
    hardest = cosines.masked_fill(same, -2).max(1).values
    own = cosines.masked_fill(~same | torch.eye(12, dtype=torch.bool), 2).min(1).values
    wanted = (hardest - own + 0.1).clamp(min=0).mean()
    anybody = (cosines.masked_fill(same, 0).sum(1) / (~same).sum(1) - own + 0.1).clamp(min=0).mean()
    loss = task.loss(Told(lambda samples: found), batch, epoch=0).value
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert loss.item() > 1.5 * anybody.item()


@pytest.mark.parametrize("overrides", [(), ("speaker.loss.name=aam",)])
def test_processes_add_up_to_the_loss_of_one(voices: Manifest, overrides: tuple[str, ...]) -> None:
    settings = (*overrides, "fit.batch=6", "speaker.together=2")
    alone = task_of(voices, *settings)
    model = model_of(alone).eval()
    wanted = alone.loss(model, first(alone), epoch=0)
    parts = []
    for rank in range(2):
        task = task_of(voices, *settings, share=Share(rank=rank, of=2))
        parts.append(task.loss(model, first(task), epoch=0))
    assert sum(p.value.item() for p in parts) / 2 == pytest.approx(wanted.value.item(), rel=1e-5)
    assert sum(p.right.item() for p in parts) == wanted.right.item()


def test_noise_and_masks_vary_what_is_heard(voices: Manifest, tmp_path: Path) -> None:
    from soundfile import write

    write(tmp_path / "noise.wav", torch.randn(8000).numpy() * 0.1, RATE_HZ)
    noisy = task_of(voices, f"augment.noise='{tmp_path}'", "augment.noise_probability=1.0",
                    "augment.noise_snr_db=[0, 5]")  # fmt: skip
    clean = task_of(voices)
    heard = [Told(tones), Told(tones)]
    for task, model in zip((noisy, clean), heard, strict=True):
        task.loss(model, first(task), epoch=0)
    assert torch.equal(heard[1].heard[0][:, 0], first(clean).samples)
    assert not torch.allclose(heard[0].heard[0], heard[1].heard[0])
    masked = task_of(voices, "augment.time_masks=2")
    model = model_of(masked).eval()
    batch = first(masked)
    assert masked.loss(model, batch, epoch=0).value.item() != pytest.approx(
        clean.loss(model, batch, epoch=0).value.item(), rel=1e-3
    )


def test_the_score_is_the_equal_error_rate_on_speakers_never_heard(voices: Manifest) -> None:
    task = task_of(voices)
    score = task.score(Told(tones))
    assert score["clips"] == 1.0
    assert score["eer"] < 0.1
    blind = task.score(Told(lambda samples: torch.ones(len(samples), 12)))
    assert blind["eer"] == pytest.approx(0.5)
    assert blind["cosine"] == pytest.approx(1.0)


def test_without_held_out_speakers_there_is_no_score(voices: Manifest) -> None:
    task = task_of(voices.where(split="train"))
    assert task.score(model_of(task)) == {}
    assert "no pairs" in task.describe()


def test_embeddings_that_collapse_stop_the_run(voices: Manifest) -> None:
    task = task_of(voices, *TRIPLETS, "speaker.collapse_steps=3")
    blind = Told(lambda samples: torch.ones(len(samples), 12))
    for _ in range(2):
        task.loss(blind, first(task), epoch=0)
    with pytest.raises(TrainingError, match="collapsed"):
        task.loss(blind, first(task), epoch=0)


def test_a_loss_begins_with_what_the_model_thinks_of_the_speakers(voices: Manifest) -> None:
    sped = task_of(voices, "speaker.loss.name=aam", "speaker.speeds=[0.95]")
    assert isinstance(sped.criterion, AamLoss)
    sped.begin_at(Told(tones))
    directions = sped.criterion.directions.detach()
    assert directions.shape == (24, 12)
    assert torch.equal(directions[:12], directions[12:])
    task = task_of(voices, "speaker.loss.name=aam")
    task.begin_at(Told(tones))
    right = sum(int(task.loss(Told(tones), b, epoch=0).right) for b in task.batches(epoch=0))
    assert right > 0.8 * task.clips


def test_one_speaker_is_refused(voices: Manifest) -> None:
    alone = voices.with_items(item for item in voices if item.speaker == "s00")
    with pytest.raises(ManifestError, match="has 1 speakers to train on"):
        task_of(alone)


def test_adversarial_crops_are_further_from_their_speakers_within_the_bound(
    voices: Manifest,
) -> None:
    hard = ("augment.adversarial_epsilon=0.02", "augment.adversarial_share=1.0")
    plain, attacked = task_of(voices), task_of(voices, *hard)
    attacked.load_state_dict(plain.state_dict())
    batch, model = first(plain), Told(tones)
    usual = plain.loss(model, batch, epoch=0).value
    heard = model.heard[-1]
    harder = attacked.loss(model, batch, epoch=0).value
    assert harder > usual
    assert 0 < (model.heard[-1] - heard).abs().max() <= 0.02 + 1e-6
