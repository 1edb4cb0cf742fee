"""Two players: distances first, then critics; stopped and resumed is the same; nonsense is refused."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sonant.data.cache import decode_manifest
from sonant.errors import Interrupted, TrainingError
from sonant.events import EpochDone, Event, OnEvent, Stepped, silent
from sonant.manifest import Manifest
from sonant.models.vocoders import Vocoder, build_vocoder
from sonant.recipe import Recipe
from sonant.tasks.vocoding import VocodingTask
from sonant.training import checkpoint
from sonant.training.run_folder import RunFolder
from sonant.training.two_player import TwoPlayer
from tone_speech import SMALL_VOCODER, tone_speech


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speech(tmp_path_factory.mktemp("speech"))


def players(
    speech: Manifest, folder: Path, *overrides: str, on_event: OnEvent = silent
) -> TwoPlayer:
    recipe = Recipe.load(SMALL_VOCODER, overrides)
    decoded = decode_manifest(speech, rate_hz=recipe.data.rate_hz)
    torch.manual_seed(0)
    assert recipe.vocoding is not None
    model: Vocoder = build_vocoder(recipe.front_end, recipe.model, rate_hz=recipe.data.rate_hz)  # type: ignore[arg-type]
    task = VocodingTask(
        recipe,
        recipe.vocoding,
        decoded.manifest,
        decoded.store,
        model=model,
        device=torch.device("cpu"),
    )
    run = RunFolder(folder)
    folder.mkdir(exist_ok=True)
    return TwoPlayer(
        recipe, task, model, folder=run, identity={"recipe": recipe.digest}, on_event=on_event
    )


def test_a_run_comes_nearer_and_writes_what_it_says(speech: Manifest, tmp_path: Path) -> None:
    events: list[Event] = []
    settings = ("fit.epochs=6", "vocoding.warm_up_steps=99")
    run = players(speech, tmp_path / "run", *settings, on_event=events.append)
    run.run()
    rows = run.folder.history()
    assert rows == [event.row for event in events if isinstance(event, EpochDone)]
    assert rows[-1]["validation_loss"] < 0.97 * rows[0]["validation_loss"]
    assert rows[-1]["validation_loss"] == pytest.approx(
        5 * rows[-1]["validation_level"]
        + 15 * rows[-1]["validation_mel"]
        + 2.5 * rows[-1]["validation_spectral"],
        rel=1e-4,
    )
    best = min(rows, key=lambda row: row["validation_loss"])
    assert run.standing.best_epoch == best["epoch"]
    assert run.folder.best.exists()
    assert run.folder.last.exists()


def test_critics_join_after_the_warm_up_and_not_before(speech: Manifest, tmp_path: Path) -> None:
    # 24 segments in batches of 8: steps 0 to 2 are of the first epoch, critics join at step 5.
    run = players(speech, tmp_path / "run")
    fresh = {name: weight.clone() for name, weight in run.task.critics.state_dict().items()}

    def unchanged(step: int) -> bool:
        now = run.task.critics.state_dict()
        return all(torch.equal(now[name], weight) for name, weight in fresh.items())

    seen: list[bool] = []
    run.on_event = lambda event: (
        seen.append(unchanged(event.step)) if isinstance(event, Stepped) else None
    )
    run.run()
    assert seen == [True, True, True, True, True, False]
    first, second = run.folder.history()
    assert "train_critics" not in first
    assert {"train_critics", "train_pleasing", "train_likeness"} <= second.keys()


@pytest.mark.parametrize("changes", [(), ("fit.ema_decay=0.9", "vocoding.rule=least_squares")])
def test_stopped_in_the_middle_and_resumed_is_the_same_to_the_bit(
    speech: Manifest, tmp_path: Path, changes: tuple[str, ...]
) -> None:
    settings = ("fit.epochs=3", "augment.gain_db=[-6,0]", *changes)
    whole = players(speech, tmp_path / "whole", *settings)
    whole.run()

    def stop(event: Event) -> None:
        # After the critics' first step, so that both optimisers have something to remember.
        if isinstance(event, Stepped) and (event.epoch, event.step) == (3, 1):
            signal.raise_signal(signal.SIGINT)

    cut = players(speech, tmp_path / "cut", *settings, on_event=stop)
    with pytest.raises(Interrupted, match="--resume"):
        cut.run()
    resumed = players(speech, tmp_path / "cut", *settings)
    checkpoint.restore(resumed.state, resumed.folder.checkpoint)
    resumed.run()
    for name in ("last", "best", "checkpoint"):
        one, other = (load_file(tmp_path / run / f"{name}.safetensors") for run in ("whole", "cut"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    clock = ("seconds", "clips_per_second")
    for row, again in zip(whole.folder.history(), resumed.folder.history(), strict=True):
        assert {k: v for k, v in row.items() if k not in clock} == {
            k: v for k, v in again.items() if k not in clock
        }


def test_in_the_first_steps_magnitudes_alone_are_learned(speech: Manifest, tmp_path: Path) -> None:
    run = players(speech, tmp_path / "run", "vocoding.level_steps=4")
    run.run()
    first, second = run.folder.history()
    assert "train_mel" not in first
    assert first["train_loss"] == pytest.approx(5 * first["train_level"])
    assert {"train_level", "train_mel", "train_spectral"} <= second.keys()
    # A mean over the steps it was measured in: two of three.
    assert second["train_mel"] < 1.5 * first["validation_mel"]


def test_without_a_recording_held_out_the_training_figures_stand_in(
    speech: Manifest, tmp_path: Path
) -> None:
    alone = speech.with_items(item for item in speech if item.split == "train")
    run = players(alone, tmp_path / "run", "vocoding.level_steps=3", "vocoding.warm_up_steps=9")
    run.run()
    rows = run.folder.history()
    assert not any(name.startswith("validation") for row in rows for name in row)
    assert run.standing.best_epoch == 2, "the first epoch made no sound"


def test_patience_ends_a_run_that_gets_no_better(speech: Manifest, tmp_path: Path) -> None:
    run = players(
        speech, tmp_path / "run", "fit.learning_rate=1e-9", "fit.patience=1", "fit.epochs=9"
    )
    run.run()
    assert run.standing.epoch < 9


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_evidence(
    speech: Manifest, tmp_path: Path
) -> None:
    run = players(speech, tmp_path / "run")
    with torch.no_grad():
        next(run.model.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"loss of the vocoder became nan at step 1 of epoch 1"):
        run.run()
    assert "s0" in (tmp_path / "run" / "bad_batch.json").read_text()
    assert not run.folder.checkpoint.exists()


def test_the_vocoder_leaves_no_gradient_on_the_critics(speech: Manifest, tmp_path: Path) -> None:
    run = players(speech, tmp_path / "run", "vocoding.warm_up_steps=0")
    batch = next(run.task.batches(epoch=0))
    run.answer(batch, step=0)
    after = [
        weight.grad.clone() for weight in run.task.critics.parameters() if weight.grad is not None
    ]
    real = run.task.real(batch, epoch=0)
    judgement = run.task.judgement(real, run.model.make(real))
    assert after
    assert all(weight.requires_grad for weight in run.task.critics.parameters())
    run.critics.zero_grad(set_to_none=True)
    judgement.backward()
    assert all(weight.grad is not None for weight in run.task.critics.parameters())


def test_rates_of_both_follow_the_schedule(speech: Manifest, tmp_path: Path) -> None:
    run = players(
        speech, tmp_path / "run", "fit.schedule.warmup_steps=10", "vocoding.critic_rate=1e-3"
    )
    run.answer(next(run.task.batches(epoch=0)), step=0)
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(2e-4)
    assert run.critics.param_groups[0]["lr"] == pytest.approx(1e-4)
