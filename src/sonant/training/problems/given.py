"""What the loop is given, and what all who make it need."""

from __future__ import annotations

from typing import NamedTuple

import torch

from sonant.bundle import Model
from sonant.nn.summary import Summary
from sonant.tasks import Task
from sonant.training.distributed import World


class Problem(NamedTuple):
    """What the loop is given."""

    model: Model
    """On its device, with the weights that the training begins with."""
    task: Task
    summary: Summary


def place(model: Model, world: World) -> None:
    """Put a model where it is trained, laid out as convolutions like it."""
    model.to(world.device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def precision(wanted: str, device: torch.device) -> torch.dtype:
    """The type that a recipe's `fit.precision` means on a device."""
    if wanted == "auto":
        native = (
            torch.cuda.is_bf16_supported()
            if device.type == "cuda"
            else torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if wanted == "bf16" else torch.float32
