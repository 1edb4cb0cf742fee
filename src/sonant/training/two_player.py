"""The loop of two players: a vocoder learns to sound like speech, critics to hear that it does not.

Until critics join only distances count. Everything a step does follows from the seed and its number, so a
run that was stopped and resumed gives the same weights to the bit.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sonant.data.batches import Batch
from sonant.errors import Interrupted, TrainingError
from sonant.events import EpochDone, OnEvent, Stepped
from sonant.models.vocoders import Vocoder
from sonant.recipe import Recipe
from sonant.tasks.vocoding import Distance, VocodingTask
from sonant.training import checkpoint
from sonant.training.checkpoint import Progress
from sonant.training.loop import CHECKPOINT_SECONDS, optimizer_for
from sonant.training.run_folder import RunFolder
from sonant.training.scalars import Scalars
from sonant.training.schedule import rate_at
from sonant.training.stopping import signals_to, step_seed

ADVICE: Final = "Lower fit.learning_rate, or set fit.clip_norm=1; the last checkpoint stands"

HEARD: Final = ("level", "mel", "spectral")
UNHEARD: Final = 1e3
"""Stands for a distance that an epoch of magnitudes alone has not: any that made a sound is better."""


@dataclass(slots=True, kw_only=True)
class Standing(Progress):
    """Where the two stand."""

    sums: dict[str, float] = field(default_factory=dict)
    """Of the present epoch, by what was measured; a step adds to what it was about."""
    counts: dict[str, int] = field(default_factory=dict)
    """Steps of the present epoch in which it was."""


class TwoPlayer:
    """A run: vocoder and critics, an optimiser for each, and where they stand."""

    def __init__(
        self,
        recipe: Recipe,
        task: VocodingTask,
        model: Vocoder,
        *,
        folder: RunFolder,
        identity: Mapping[str, str],
        on_event: OnEvent,
    ) -> None:
        self.recipe, self.task, self.model = recipe, task, model
        self.folder, self.on_event = folder, on_event
        self.standing = Standing()
        self.optimizer = optimizer_for(recipe.fit, model.parameters())
        self.critics = optimizer_for(recipe.fit, task.critics.parameters())
        decay = recipe.fit.ema_decay
        self.average = (
            AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]
            if decay
            else None
        )
        self.state = checkpoint.State(
            model=model,
            task=task,
            optimizer=self.optimizer,
            average=self.average,
            progress=self.standing,
            identity=identity,
            others={"critics": self.critics},
        )
        self.saved_at = time.monotonic()
        self.stop = threading.Event()

    @property
    def kept(self) -> Vocoder:
        """The vocoder that is judged and kept: the running mean where there is one."""
        found = self.model if self.average is None else self.average.module
        assert isinstance(found, Vocoder)
        return found

    def run(self) -> None:
        """Train to the end, or raise `Interrupted` with everything saved."""
        rows = self.folder.history()[: self.standing.epoch]
        with signals_to(self.stop, insist=True), closing(Scalars(self.folder.tensorboard)) as seen:
            while self.standing.epoch < self.recipe.fit.epochs and not self._exhausted():
                self._epoch()
                rows.append(self._close_epoch())
                self._record(rows, seen)

    def _exhausted(self) -> bool:
        """Whether patience has run out."""
        standing, patience = self.standing, self.recipe.fit.patience
        return bool(patience) and standing.epoch - standing.best_epoch >= patience

    # -- one epoch ---------------------------------------------------------------------------------

    def _epoch(self) -> None:
        standing, epoch = self.standing, self.standing.epoch
        self.model.train()
        before = time.monotonic()
        for batch in self.task.batches(epoch=epoch, first=standing.step):
            self.answer(batch, step=epoch * self.task.steps + standing.step)
            standing.step += 1
            self.on_event(
                Stepped(
                    epoch=epoch + 1,
                    epochs=self.recipe.fit.epochs,
                    step=standing.step,
                    steps=self.task.steps,
                    loss=standing.loss_sum / standing.step,
                )
            )
            now = time.monotonic()
            standing.seconds, before = standing.seconds + now - before, now
            if self.stop.is_set():
                self._interrupt()
            elif now - self.saved_at > CHECKPOINT_SECONDS:
                self._checkpoint()

    def answer(self, batch: Batch, *, step: int) -> None:
        """Step number `step` of the run: critics judge, where they have joined, then the vocoder answers."""
        standing, task = self.standing, self.task
        torch.manual_seed(step_seed(self.recipe.seed, step))
        self._set_rates(step)
        real = task.real(batch, epoch=standing.epoch)
        if step < task.settings.level_steps:
            distance = task.distances.of_levels(real, self.model.magnitudes(real))
        else:
            distance = self._heard(real, batch, critics=step >= task.settings.warm_up_steps)
        self._require_number(distance.value, batch, whose="vocoder")
        with _held(task.critics):
            self._update(distance.value, self.optimizer)
        if self.average is not None:
            self.average.update_parameters(self.model)
        standing.loss_sum += distance.value.item()
        for name, part in distance.parts.items():
            self._add(name, part)

    def _heard(self, real: torch.Tensor, batch: Batch, *, critics: bool) -> Distance:
        """Critics learn what was wrong, where they have joined; then what is left of it counts."""
        made = self.model.make(real)
        if critics:
            judgement = self.task.judgement(real, made)
            self._require_number(judgement, batch, whose="critics")
            self._update(judgement, self.critics)
            self._add("critics", judgement)
        with _held(self.task.critics):
            return self.task.distance(real, made, critics=critics)

    def _set_rates(self, step: int) -> None:
        fit, steps = self.recipe.fit, self.task.steps
        rate = rate_at(fit, step=step, steps_per_epoch=steps)
        theirs = self.task.settings.critic_rate * rate / fit.learning_rate
        for optimizer, wanted in ((self.optimizer, rate), (self.critics, theirs)):
            for group in optimizer.param_groups:
                group["lr"] = wanted

    def _update(self, value: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        if self.recipe.fit.clip_norm:
            learning = [part for group in optimizer.param_groups for part in group["params"]]
            nn.utils.clip_grad_norm_(learning, self.recipe.fit.clip_norm)
        optimizer.step()

    def _add(self, name: str, value: torch.Tensor) -> None:
        sums, counts = self.standing.sums, self.standing.counts
        sums[name] = sums.get(name, 0.0) + value.item()
        counts[name] = counts.get(name, 0) + 1

    def _require_number(self, value: torch.Tensor, batch: Batch, *, whose: str) -> None:
        """A loss that is no number: keep the evidence and stop."""
        if value.isfinite():
            return
        standing, paths = self.standing, self.task.where(batch, epoch=self.standing.epoch)
        evidence = self.folder.path / "bad_batch.json"
        where = {"epoch": standing.epoch + 1, "step": standing.step + 1, "loss": str(value.item())}
        self.folder.write_text(evidence, json.dumps({**where, "clips": paths}, indent=2))
        raise TrainingError(
            f"the loss of the {whose} became {value.item()} at step {standing.step + 1} of epoch "
            f"{standing.epoch + 1}, on {paths[0]} and {len(paths) - 1} others, listed in {evidence}. "
            f"{ADVICE}"
        )

    # -- after an epoch ----------------------------------------------------------------------------

    def _close_epoch(self) -> dict[str, float]:
        """Judge the epoch, move on to the next, and return its row."""
        standing, task = self.standing, self.task
        self.kept.eval()
        score = task.score(self.kept)
        means = {name: total / standing.counts[name] for name, total in standing.sums.items()}
        seconds, mean = standing.seconds, standing.loss_sum / task.steps
        standing.epoch += 1
        standing.step, standing.loss_sum, standing.seconds = 0, 0.0, 0.0
        standing.sums, standing.counts = {}, {}
        return {
            "epoch": standing.epoch,
            "train_loss": mean,
            **{f"train_{name}": value for name, value in means.items()},
            **{f"validation_{name}": value for name, value in score.items()},
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "seconds": seconds,
            "clips_per_second": task.segments.count / max(seconds, 1e-9),
        }

    def _record(self, rows: list[dict[str, float]], scalars: Scalars) -> None:
        """Keep what the epoch brought."""
        standing, row = self.standing, rows[-1]
        value = -_distance(row, self.task.settings.weights)
        if math.isnan(value):
            raise TrainingError(
                f"the validation figures of epoch {standing.epoch} are not numbers: the weights are "
                f"spoiled. {ADVICE}"
            )
        self._require_numbers()
        best = value > standing.best
        if best:
            standing.best, standing.best_epoch = value, standing.epoch
            self.folder.write_weights(self.folder.best, self.kept)
        self.folder.write_weights(self.folder.last, self.kept)
        self.folder.write_history(rows)
        scalars.add({name.replace("_", "/", 1): v for name, v in row.items()}, step=standing.epoch)
        self._checkpoint()
        self.on_event(EpochDone(row=row, epochs=self.recipe.fit.epochs, best=best))
        if standing.epoch < self.recipe.fit.epochs and self.stop.is_set():
            self._interrupt()  # asked for while the epoch was judged

    def _require_numbers(self) -> None:
        """Never let spoiled weights take the place of sound ones: a loss shows only the step before."""
        for whose, player in (("vocoder", self.model), ("critics", self.task.critics)):
            if not all(bool(weight.isfinite().all()) for weight in player.parameters()):
                raise TrainingError(
                    f"after step {self.standing.step or self.task.steps} of epoch "
                    f"{self.standing.epoch + (self.standing.step > 0)} some weights of the {whose} are no "
                    f"numbers: a gradient was none. {ADVICE}"
                )

    def _checkpoint(self) -> None:
        self._require_numbers()
        checkpoint.save(self.state, self.folder.checkpoint)
        self.saved_at = time.monotonic()

    def _interrupt(self) -> None:
        self._checkpoint()
        raise Interrupted(
            f"stopped after step {self.standing.step} of epoch {self.standing.epoch + 1}; everything is "
            f"saved in {self.folder.path}. Go on with the same command and --resume"
        )


@contextmanager
def _held(player: nn.Module) -> Iterator[None]:
    """While the other one learns, gradients pass through it and none is kept for it."""
    player.requires_grad_(False)
    try:
        yield
    finally:
        player.requires_grad_(True)


def _distance(row: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """What the weights of an epoch are judged by: less is better, and critics have no say.

    Without a recording held out the distances of training stand in.
    """
    side = "validation" if "validation_loss" in row else "train"
    return sum(weights[name] * row.get(f"{side}_{name}", UNHEARD) for name in HEARD)
