"""A dry run of everything a training will need, before its first epoch: nothing may fail after hours."""

from __future__ import annotations

import copy
import tempfile
from itertools import islice
from pathlib import Path

import torch

from sonant.errors import TrainingError
from sonant.export import onnx
from sonant.models.classifier import Classifier
from sonant.recipe import Recipe
from sonant.tasks import Task
from sonant.training import checkpoint
from sonant.training.loop import optimizer_for


def rehearse(recipe: Recipe, task: Task, model: Classifier) -> None:
    """Load, augment, two steps, save, load, export and one prediction, on a copy; the run is not touched."""
    double = copy.deepcopy(model)
    optimizer = optimizer_for(recipe.fit, double.parameters())
    double.train()
    clips = None
    for batch in islice(task.batches(epoch=0), 2):
        value, _ = task.loss(double, batch, epoch=0)
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        clips = batch.samples[:2]
    if clips is None:
        raise TrainingError("the training split has no batch")
    with tempfile.TemporaryDirectory(prefix="sonant-rehearsal-") as scratch:
        _save_and_load(recipe, double, optimizer, Path(scratch) / "checkpoint.safetensors")
        optimizer.zero_grad(set_to_none=True)
        optimizer.state.clear()  # so that the export does not stand on top of it in memory
        graph = Path(scratch) / "whole.onnx"
        onnx.export_whole(double, graph, samples=recipe.data.samples)
        onnx.difference(double, graph, clips.numpy())


def _save_and_load(
    recipe: Recipe, model: Classifier, optimizer: torch.optim.Optimizer, path: Path
) -> None:
    state = checkpoint.State(
        model=model, optimizer=optimizer, average=None, progress=checkpoint.Progress(), identity={}
    )
    checkpoint.save(state, path)
    again = copy.deepcopy(model)
    checkpoint.restore(
        checkpoint.State(
            model=again,
            optimizer=optimizer_for(recipe.fit, again.parameters()),
            average=None,
            progress=checkpoint.Progress(),
            identity={},
        ),
        path,
    )
    for name, tensor in model.state_dict().items():
        if not torch.equal(tensor.cpu(), again.state_dict()[name].cpu()):
            raise TrainingError(f"the weight {name} did not come back from a checkpoint as it was")
