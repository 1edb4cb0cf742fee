"""Where a run stands, in one file: replaced whole, read without unpickling, exact to the bit.

Random states are not in it: every step seeds its own from the recipe's seed and the step's number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from sonant import whole_file
from sonant.errors import TrainingError


@dataclass(slots=True, kw_only=True)
class Progress:
    """The few numbers of a run that change; everything else follows from the recipe."""

    epoch: int = 0
    """Epochs finished."""
    step: int = 0
    """Steps finished in the present epoch."""
    loss_sum: float = 0.0
    """Of the present epoch."""
    right: float = 0.0
    """Clips answered rightly in the present epoch."""
    best: float = float("-inf")
    """Highest value of what is monitored, so far."""
    best_epoch: int = 0
    """When that was, counted from 1."""
    seconds: float = 0.0
    """Spent on the steps of the present epoch, over all resumptions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a checkpoint holds."""

    model: nn.Module
    task: nn.Module
    """With what it learns besides, and training alone needs."""
    optimizer: Optimizer
    average: nn.Module | None
    """The running mean of the weights, if there is one."""
    progress: Progress
    identity: Mapping[str, str]
    """Digests of recipe and data: a run is resumed only with its own."""
    others: Mapping[str, Optimizer] = field(default_factory=dict)
    """Further optimisers by name, where more than one player learns."""

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """All of them, by what their tensors are called."""
        return {"optimizer": self.optimizer, **self.others}


def save(state: State, path: Path) -> None:
    """Write a checkpoint beside `path`, then put it in its place."""
    tensors = {f"model.{name}": tensor for name, tensor in state.model.state_dict().items()}
    tensors |= {f"task.{name}": tensor for name, tensor in state.task.state_dict().items()}
    if state.average is not None:
        tensors |= {f"average.{n}": tensor for n, tensor in state.average.state_dict().items()}
    for whose, optimizer in state.optimizers.items():
        for number, slot in optimizer.state_dict()["state"].items():
            tensors |= {f"{whose}.{number}.{name}": torch.as_tensor(v) for name, v in slot.items()}
    about = {"progress": json.dumps(asdict(state.progress)), **state.identity}
    # Tied or strided tensors are copied: the format wants each one whole and its own.
    tensors = {n: t.detach().cpu().clone().contiguous() for n, t in tensors.items()}
    with whole_file.beside(path, durable=True) as scratch:
        save_file(tensors, scratch, about)


def restore(state: State, path: Path) -> None:
    """Bring model, optimiser and progress back; raises `TrainingError` for another run's file."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        _check(state.identity, about, path)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state.model.load_state_dict(_under("model.", tensors))
    state.task.load_state_dict(_under("task.", tensors))
    if state.average is not None:
        state.average.load_state_dict(_under("average.", tensors))
    for whose, optimizer in state.optimizers.items():
        _restore_optimizer(optimizer, _under(f"{whose}.", tensors))
    for name, value in json.loads(about["progress"]).items():
        setattr(state.progress, name, value)


def _check(identity: Mapping[str, str], about: Mapping[str, str], path: Path) -> None:
    for name, digest in identity.items():
        if about.get(name) != digest:
            raise TrainingError(
                f"{path}: this run was begun with another {name}; resume it with the same one, "
                "or start anew in another folder"
            )


def _restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        slots.setdefault(int(number), {})[name] = tensor
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    laid_out = {
        number: {name: _like(tensor, parameters[number]) for name, tensor in slot.items()}
        for number, slot in slots.items()
    }
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": laid_out, "param_groups": groups})


def _like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Lay a mean of gradients out in memory as its parameter is.

    Fused optimisers walk both by address: a channels-last weight with a contiguous mean would be
    paired wrongly, in silence.
    """
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
