"""The conversion task: segments of one length, held to themselves, and to the voices of others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from small_converters import CONVERSION_RECIPE, RATE_HZ, small_converter
from sonant.bundle import build_speaker_model
from sonant.data.batches import Share
from sonant.data.cache import decode_manifest
from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.models.embedder import SpeakerEmbedder
from sonant.recipe import Recipe
from sonant.tasks.conversion import ConversionTask
from tone_speakers import SPEAKERS_RECIPE, tone_speakers


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speakers(tmp_path_factory.mktemp("voices"))


def task_of(
    voices: Manifest, *overrides: str, judge: SpeakerEmbedder | None = None
) -> ConversionTask:
    return ConversionTask(
        Recipe.load(CONVERSION_RECIPE, overrides),
        voices,
        decode_manifest(voices, rate_hz=RATE_HZ).store,
        judge=judge,
        share=Share(),
        device=torch.device("cpu"),
        precision=torch.float32,
    )


@pytest.mark.parametrize("frames", [2, 16, 21])
def test_a_step_hears_segments_of_as_many_frames_as_the_recipe_says(
    voices: Manifest, frames: int
) -> None:
    task = task_of(voices, f"conversion.segment_frames={frames}")
    heard = []
    model = small_converter()
    model.register_forward_hook(lambda _, __, mel: heard.append(mel.shape))
    task.loss(model, next(iter(task.batches(epoch=0))), epoch=0)
    assert heard == [(8, 16, frames)]


def test_no_batch_has_a_speaker_twice_and_files_can_be_named(voices: Manifest) -> None:
    task = task_of(voices)
    assert (task.clips, task.steps, task.labels) == (12 * 8, 12, ())
    for batch in task.batches(epoch=0):
        assert len({Path(path).parent.name for path in task.paths(batch)}) == 8


def test_the_loss_is_the_distance_of_segments_from_themselves(voices: Manifest) -> None:
    task, model = task_of(voices), small_converter()
    batch = next(iter(task.batches(epoch=0)))
    samples = batch.samples[:, : 15 * 64]
    with torch.no_grad():
        mel = model.front_end(samples.unsqueeze(1))
        wanted = (model(samples.unsqueeze(1)) - mel).abs().mean()
    loss, right = task.loss(model, batch, epoch=0)
    assert_close(loss, wanted)
    assert right == 0


def test_a_judge_of_speakers_counts_from_its_epoch_on(voices: Manifest) -> None:
    settings = ("conversion.speaker_epochs=1", "conversion.speaker_weight=2.0")
    judge = build_speaker_model(Recipe.load(SPEAKERS_RECIPE))
    judged, alone = task_of(voices, *settings, judge=judge), task_of(voices)
    batch, model = next(iter(alone.batches(epoch=0))), small_converter()
    losses = [task.loss(model, batch, epoch=1).value for task in (alone, judged)]
    assert judged.consistency is not None
    samples, lengths = batch.samples[:, : 15 * 64], torch.full((8,), 15 * 64)
    away = judged.consistency(model, samples, lengths).mean()
    assert_close(losses[1] - losses[0], 2.0 * away)
    assert_close(judged.loss(model, batch, epoch=0).value, losses[0])


def test_validation_is_of_speakers_that_training_never_hears(voices: Manifest) -> None:
    task = task_of(voices)
    assert "12 speakers to train on" in task.describe()
    assert "4 others" in task.describe()
    score = task.score(small_converter())
    assert score["clips"] == 12
    assert 0 < score["loss"] / score["clips"] < 20


def test_without_a_clip_to_train_on_it_says_so(voices: Manifest) -> None:
    with pytest.raises(
        ManifestError, match="no clip is in the split 'train'; there are validation"
    ):
        task_of(voices.where(split="validation"))
