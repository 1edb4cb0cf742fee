"""The vocoder's task: what it trains on, what distances are made of, and how it is judged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sonant.data.cache import Decoded, decode_manifest
from sonant.errors import ManifestError
from sonant.models.vocoders import Made, Vocoder, build_vocoder
from sonant.nn.critics import magnitudes
from sonant.recipe import Recipe
from sonant.tasks.vocoding import VocodingTask, judged
from tone_speech import SMALL_VOCODER, tone_speech

RECIPE = Recipe.load(SMALL_VOCODER)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    return decode_manifest(tone_speech(tmp_path_factory.mktemp("speech")), rate_hz=4000)


@pytest.fixture(scope="module")
def model() -> Vocoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_vocoder(RECIPE.front_end, RECIPE.model, rate_hz=4000)  # type: ignore[arg-type]


def task_of(decoded: Decoded, model: Vocoder) -> VocodingTask:
    assert RECIPE.vocoding is not None
    return VocodingTask(
        RECIPE,
        RECIPE.vocoding,
        decoded.manifest,
        decoded.store,
        model=model,
        device=CPU,
    )


def test_it_trains_on_train_alone_and_is_judged_by_validation(
    decoded: Decoded, model: Vocoder
) -> None:
    task = task_of(decoded, model)
    assert {Path(path).parent.name for path in task.paths} == {f"s{n}" for n in range(8)}
    assert len(task.held) == 2
    assert task.steps == 3
    assert "16 recordings, 24 segments an epoch; judged by 2 recordings" in task.describe()
    (batch, *_) = task.batches(epoch=0)
    assert all(
        Path(path).parent.name in {f"s{n}" for n in range(8)} for path in task.where(batch, epoch=0)
    )


def test_the_distance_is_the_weighted_sum_of_its_parts(decoded: Decoded, model: Vocoder) -> None:
    task = task_of(decoded, model)
    real = task.real(next(task.batches(epoch=0)), epoch=0)
    assert real.shape == (8, 1, 512)
    made = model.make(real)
    found = task.distance(real, made, critics=True)
    parts = found.parts
    wanted = sum(
        weight * parts[name]
        for name, weight in (
            ("level", 5), ("mel", 15), ("spectral", 2.5), ("pleasing", 1), ("likeness", 2),
        )
    )  # fmt: skip
    torch.testing.assert_close(found.value, torch.as_tensor(wanted))
    plain = task.distance(real, made, critics=False)
    assert plain.parts.keys() == {"level", "mel", "spectral"}
    levels = task.distances.of_levels(real, model.magnitudes(real))
    torch.testing.assert_close(levels.value, 5 * plain.parts["level"])


def test_speech_is_no_distance_from_itself(decoded: Decoded, model: Vocoder) -> None:
    task = task_of(decoded, model)
    real = task.real(next(task.batches(epoch=0)), epoch=0)
    config = model.front_end.config
    levels = magnitudes(real, torch.hann_window(config.window_length), hop=config.hop_length)
    assert task.distance(real, Made(real, levels), critics=False).value < 1e-5


def test_the_judgement_reaches_the_critics_and_not_the_vocoder(
    decoded: Decoded, model: Vocoder
) -> None:
    task = task_of(decoded, model)
    real = task.real(next(task.batches(epoch=0)), epoch=0)
    model.zero_grad()
    task.judgement(real, model.make(real)).backward()
    assert all(weight.grad is None for weight in model.parameters())
    assert all(weight.grad is not None for weight in task.critics.parameters())


def test_critics_and_nothing_of_the_model_are_kept_with_the_task(
    decoded: Decoded, model: Vocoder
) -> None:
    names = task_of(decoded, model).state_dict()
    assert names
    assert all(name.startswith("critics.") for name in names)


def test_every_recording_counts_alike_whatever_its_length(decoded: Decoded, model: Vocoder) -> None:
    task = task_of(decoded, model.eval())
    together = judged(task.distances, model, task.held, device=CPU)
    apart = [judged(task.distances, model, [pcm], device=CPU) for pcm in task.held]
    for name, value in together.items():
        assert value == pytest.approx(sum(one[name] for one in apart) / len(apart), rel=1e-4)
    assert judged(task.distances, model, [], device=CPU) == {}


def test_nothing_to_train_on_is_said(decoded: Decoded, model: Vocoder) -> None:
    chosen = [n for n, item in enumerate(decoded.manifest) if item.split != "train"]
    left = Decoded(
        store=decoded.store.select(chosen),
        manifest=decoded.manifest.with_items(decoded.manifest.items[n] for n in chosen),
        unreadable=(),
    )
    with pytest.raises(ManifestError, match="no recording is to be trained on"):
        task_of(left, model)
