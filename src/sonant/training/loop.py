"""The only training loop: one process or many, CPU or GPU, begun or resumed."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sonant.bundle import Model
from sonant.data.batches import Batch
from sonant.errors import Interrupted, TrainingError
from sonant.events import EpochDone, OnEvent, Stepped
from sonant.recipe import FitConfig, Recipe
from sonant.tasks import Task
from sonant.training import checkpoint
from sonant.training.checkpoint import Progress
from sonant.training.distributed import World
from sonant.training.run_folder import RunFolder
from sonant.training.scalars import Scalars
from sonant.training.schedule import rate_at
from sonant.training.stopping import signals_to, step_seed

CHECKPOINT_SECONDS = 120.0
"""Within a long epoch, no more work than this is lost to a power cut."""


def optimizer_for(fit: FitConfig, parameters: Iterator[nn.Parameter]) -> Optimizer:
    """The rule of a step, as the recipe names it."""
    rate, decay = fit.learning_rate, fit.weight_decay
    match fit.optimizer:
        case "adam" | "amsgrad":
            return torch.optim.Adam(
                parameters,
                lr=rate,
                betas=fit.betas,
                eps=fit.epsilon,
                weight_decay=decay,
                amsgrad=fit.optimizer == "amsgrad",
                fused=True,
            )
        case "adamw":
            return torch.optim.AdamW(
                parameters,
                lr=rate,
                betas=fit.betas,
                eps=fit.epsilon,
                weight_decay=decay,
                fused=True,
            )
        case "sgd":
            return torch.optim.SGD(parameters, lr=rate, momentum=fit.momentum, weight_decay=decay)


class Loop:
    """A run: a model, its optimiser, and where it stands."""

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        model: Model,
        *,
        world: World,
        folder: RunFolder,
        identity: Mapping[str, str],
        on_event: OnEvent,
    ) -> None:
        self.recipe, self.task, self.model = recipe, task, model
        self.world, self.folder, self.on_event = world, folder, on_event
        self.progress = Progress()
        self.optimizer = optimizer_for(recipe.fit, self._trained())
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
            progress=self.progress,
            identity=identity,
        )
        self.wrapped = world.wrap(model)
        if recipe.fit.compile:
            model.network.compile()
        self.saved_at = time.monotonic()
        self.stop = threading.Event()

    def _trained(self) -> Iterator[nn.Parameter]:
        """All that is optimised: the model's weights, and what the task learns besides."""
        yield from self.model.parameters()
        yield from self.task.parameters()

    @property
    def kept(self) -> nn.Module:
        """The model that is evaluated and kept: the running mean where there is one."""
        return self.model if self.average is None else self.average.module

    def run(self) -> None:
        """Train to the end, or raise `Interrupted` with everything saved."""
        fit = self.recipe.fit
        rows = self.folder.history()[: self.progress.epoch]
        with signals_to(self.stop, insist=self.world.size == 1), ExitStack() as stack:
            scalars = None
            if self.world.first:
                scalars = stack.enter_context(closing(Scalars(self.folder.tensorboard)))
            while self.progress.epoch < fit.epochs and not self._exhausted():
                self._epoch()
                rows.append(self._close_epoch())
                self._record(rows, scalars)

    def release(self) -> None:
        """Let go of gradients and of what the optimiser keeps: all that only training needs."""
        self.state.optimizer.zero_grad(set_to_none=True)
        self.state.optimizer.state.clear()

    def _exhausted(self) -> bool:
        """Whether patience has run out."""
        progress, patience = self.progress, self.recipe.fit.patience
        return bool(patience) and progress.epoch - progress.best_epoch >= patience

    # -- one epoch ---------------------------------------------------------------------------------

    def _epoch(self) -> None:
        progress, task, epoch = self.progress, self.task, self.progress.epoch
        self.wrapped.train()
        before = time.monotonic()
        for batch in task.batches(epoch=epoch, first=progress.step):
            self._step(batch)
            progress.step += 1
            self.on_event(
                Stepped(
                    epoch=epoch + 1,
                    epochs=self.recipe.fit.epochs,
                    step=progress.step,
                    steps=task.steps,
                    loss=progress.loss_sum / progress.step,
                )
            )
            now = time.monotonic()
            progress.seconds, before = progress.seconds + now - before, now
            if self.world.any(self.stop.is_set()):
                self._interrupt()
            elif now - self.saved_at > CHECKPOINT_SECONDS:
                self._checkpoint()

    def _step(self, batch: Batch) -> None:
        fit, progress = self.recipe.fit, self.progress
        done = progress.epoch * self.task.steps + progress.step
        torch.manual_seed(step_seed(self.recipe.seed, done, self.world.rank))
        rate = rate_at(fit, step=done, steps_per_epoch=self.task.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, right = self.task.loss(self.wrapped, batch, epoch=progress.epoch)
        value = loss.item()
        if value != value or value in (float("inf"), float("-inf")):
            self._refuse(value, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.world.average(self.task.parameters())
        if fit.clip_norm:
            nn.utils.clip_grad_norm_(self._trained(), fit.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        progress.loss_sum += value
        progress.right += right.item()

    def _refuse(self, value: float, batch: Batch) -> None:
        """A loss that is no number: keep the evidence and stop."""
        progress, paths = self.progress, self.task.paths(batch)
        evidence = self.folder.path / f"bad_batch_rank{self.world.rank}.json"
        where = {"epoch": progress.epoch + 1, "step": progress.step + 1, "loss": str(value)}
        self.folder.write_text(evidence, json.dumps({**where, "clips": paths}, indent=2))
        raise TrainingError(
            f"the loss became {value} at step {progress.step + 1} of epoch {progress.epoch + 1}, on "
            f"{paths[0]} and {len(paths) - 1} others, listed in {evidence}. Lower fit.learning_rate, set "
            "fit.clip_norm=1, or try fit.precision=fp32; the last checkpoint stands"
        )

    # -- after an epoch ----------------------------------------------------------------------------

    def _close_epoch(self) -> dict[str, float]:
        """Score the epoch, move on to the next, and return its row."""
        progress, task = self.progress, self.task
        sums = self.world.total(
            {"loss": progress.loss_sum / task.steps / self.world.size, "right": progress.right}
        )
        self.kept.eval()
        score = self.world.total(task.score(self.kept))
        rate, seconds = self.optimizer.param_groups[0]["lr"], progress.seconds
        progress.epoch += 1
        progress.step, progress.loss_sum, progress.right, progress.seconds = 0, 0.0, 0.0, 0.0
        return {
            "epoch": progress.epoch,
            "train_loss": sums["loss"],
            **({"train_accuracy": sums["right"] / task.clips} if task.counts_right else {}),
            **{f"validation_{n}": v / score["clips"] for n, v in score.items() if n != "clips"},
            "learning_rate": rate,
            "seconds": seconds,
            "clips_per_second": task.clips / seconds,
        }

    def _record(self, rows: list[dict[str, float]], scalars: Scalars | None) -> None:
        """Keep what the epoch brought."""
        progress, row = self.progress, rows[-1]
        value = _merit(row, self.recipe.fit.monitor)
        if math.isnan(value):
            raise TrainingError(
                f"the validation figures of epoch {progress.epoch} are not numbers: the weights are "
                "spoiled. Lower fit.learning_rate, set fit.clip_norm=1, or try fit.precision=fp32"
            )
        self._require_numbers()
        best = value > progress.best
        if best:
            progress.best, progress.best_epoch = value, progress.epoch
        if scalars is not None:
            if best:
                self.folder.write_weights(self.folder.best, self.kept)
            self.folder.write_weights(self.folder.last, self.kept)
            self.folder.write_history(rows)
            scalars.add({_tag(name): v for name, v in row.items()}, step=progress.epoch)
        self._checkpoint()
        self.on_event(EpochDone(row=row, epochs=self.recipe.fit.epochs, best=best))
        if progress.epoch < self.recipe.fit.epochs and self.world.any(self.stop.is_set()):
            self._interrupt()  # asked for while the epoch was scored

    def _require_numbers(self) -> None:
        """Never let spoiled weights take the place of sound ones: a loss shows only the step before."""
        if not all(bool(weight.isfinite().all()) for weight in self._trained()):
            raise TrainingError(
                f"after step {self.progress.step or self.task.steps} of epoch "
                f"{self.progress.epoch + (self.progress.step > 0)} some weights are no numbers: a "
                "gradient was none. Lower fit.learning_rate, set fit.clip_norm=1, or try "
                "fit.precision=fp32; the last checkpoint stands"
            )

    def _checkpoint(self) -> None:
        self._require_numbers()
        if self.world.first:
            checkpoint.save(self.state, self.folder.checkpoint)
        self.saved_at = time.monotonic()

    def _interrupt(self) -> None:
        self._checkpoint()
        # A process that leaves early has the others ended, perhaps in the middle of saving.
        self.world.wait()
        raise Interrupted(
            f"stopped after step {self.progress.step} of epoch {self.progress.epoch + 1}; everything is "
            f"saved in {self.folder.path}. Go on with the same command and --resume"
        )


def _merit(row: Mapping[str, float], monitor: str) -> float:
    """Higher is better; the training figure stands in where there is no validation split.

    Rates come in steps of one clip; the loss decides between equals.
    """
    if monitor == "eer" and "validation_eer" in row:
        return -row["validation_eer"] - 1e-6 * min(row["train_loss"], 1e3)
    side = "validation" if f"validation_{monitor}" in row else "train"
    if monitor in ("loss", "eer"):
        return -row[f"{side}_loss"]
    return row[f"{side}_accuracy"] - 1e-6 * min(row[f"{side}_loss"], 1e3)


def _tag(name: str) -> str:
    """`train_loss` as TensorBoard groups it: `train/loss`."""
    for side in ("train", "validation"):
        name = name.replace(f"{side}_", f"{side}/")
    return name
