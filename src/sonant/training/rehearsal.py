"""A dry run of everything a training will need, before its first epoch: nothing may fail after hours."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.bundle import KINDS, Model
from sonant.data.batches import Batch
from sonant.errors import TrainingError
from sonant.models.classifier import Classifier
from sonant.recipe import Recipe
from sonant.tasks import Task
from sonant.training import checkpoint
from sonant.training.loop import optimizer_for

Rehearsed: TypeAlias = Callable[[Classifier, NDArray[np.float32]], None]
"""Something that is tried with a model and a few clips."""


def rehearse(
    recipe: Recipe,
    task: Task,
    model: Model,
    *,
    processes: int = 1,
    also: Rehearsed | None = None,
) -> None:
    """Load, augment, three steps, save, load, export and one prediction, on a copy; the run is not touched.

    The first step takes as few clips as the last one of an epoch leaves to any of the `processes`.
    `also` is what else the model will have to stand, on clips [clips, samples].
    """
    double = copy.deepcopy(model)
    optimizer = optimizer_for(recipe.fit, double.parameters())
    double.train()
    _smallest_step(recipe, task, double, optimizer, processes=processes)
    for batch in islice(task.batches(epoch=0), 2):
        _step(task, double, optimizer, batch)
        clips = batch.samples[:2]
    with tempfile.TemporaryDirectory(prefix="sonant-rehearsal-") as scratch:
        optimizer.zero_grad(set_to_none=True)
        _save_and_load(double, task, optimizer, Path(scratch) / "checkpoint.safetensors")
        optimizer.state.clear()  # so that the export does not stand on top of it in memory
        KINDS[recipe.task].rehearse(recipe, double, clips.numpy(), Path(scratch))
    if also is not None and isinstance(double, Classifier):
        also(double, clips.numpy())


def _step(task: Task, model: Model, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    value, _ = task.loss(model, batch, epoch=0)
    optimizer.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _smallest_step(
    recipe: Recipe,
    task: Task,
    model: Model,
    optimizer: torch.optim.Optimizer,
    *,
    processes: int,
) -> None:
    """A step on the fewest clips that any step will have; batch norm, for one, may want more than one."""
    last = next(task.batches(epoch=0, first=task.steps - 1))
    count = smallest_batch(task.clips, recipe.fit.batch, processes)
    fewest = replace(
        last,
        items=last.items[:count],
        samples=last.samples[:count],
        targets=last.targets[:count],
        lengths=None if last.lengths is None else last.lengths[:count],
    )
    try:
        _step(task, model, optimizer, fewest)
    except ValueError as error:
        raise TrainingError(_too_few(error, task.clips, recipe.fit.batch, processes)) from error


def smallest_batch(clips: int, batch: int, processes: int) -> int:
    """Clips in the smallest step that a process takes in an epoch."""
    return max(1, (clips % batch or batch) // processes)


def _too_few(error: ValueError, clips: int, batch: int, processes: int) -> str:
    count = smallest_batch(clips, batch, processes)
    better = [b for b in range(2, 2 * batch + 2) if smallest_batch(clips, b, processes) > count]
    advice = (
        f"set fit.batch={min(better, key=lambda b: abs(b - batch))}"
        if better
        else "train on more clips"
    )
    return (
        f"the last step of an epoch has {count} of the {clips} training clips "
        f"(fit.batch={batch}, processes: {processes}), and the network cannot learn from so few "
        f"({error}); {advice}"
    )


def _save_and_load(model: Model, task: Task, optimizer: torch.optim.Optimizer, path: Path) -> None:
    state = checkpoint.State(
        model=model,
        task=task,
        optimizer=optimizer,
        average=None,
        progress=checkpoint.Progress(),
        identity={},
    )
    checkpoint.save(state, path)
    # Into the same copy, emptied before: a second one would be the largest thing a run ever holds.
    before = {name: _digest(tensor) for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.zero_()
    checkpoint.restore(state, path)
    for name, tensor in model.state_dict().items():
        if _digest(tensor) != before[name]:
            raise TrainingError(f"the weight {name} did not come back from a checkpoint as it was")


def _digest(tensor: torch.Tensor) -> str:
    content = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
    return hashlib.sha256(content.tobytes()).hexdigest()
