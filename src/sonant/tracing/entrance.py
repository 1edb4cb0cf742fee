"""The example that a module is traced with: the one given, or one that fits its first layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.tracing.capture import quiet

LENGTHS: Final = (96, 960, 16000)
"""Frames that are tried, shortest first, for a module whose length nobody gave."""

FIRST: Final[dict[type[nn.Module], Callable[[Any], int]]] = {
    nn.Conv1d: lambda layer: int(layer.in_channels),
    nn.BatchNorm1d: lambda layer: int(layer.num_features),
    nn.Linear: lambda layer: int(layer.in_features),
    nn.GRU: lambda layer: int(layer.input_size),
    nn.LSTM: lambda layer: int(layer.input_size),
    nn.RNN: lambda layer: int(layer.input_size),
}
"""First layers that say how many channels come in."""


def example_for(
    module: nn.Module, example: Tensor | None, *, frames: int | None, time_axis: int
) -> tuple[Tensor, bool]:
    """An example with a batch of two, and whether its length is that of a clip."""
    if example is None:
        return _made(module, frames=frames, time_axis=time_axis)
    if example.dim() < 2 or example.dim() > 4 or not -example.dim() <= time_axis < example.dim():
        raise ModelError(
            f"an example of shape {list(example.shape)} with time on axis {time_axis}: want "
            f"[batch, channels, frames] or [batch, channels, bins, frames]"
        )
    axis = time_axis % example.dim()
    if axis == 0 or example.shape[axis] < 2:
        raise ModelError(
            f"an example of shape {list(example.shape)} with time on axis {axis}: want the batch on axis 0, "
            f"and at least two frames"
        )
    if frames not in (None, example.shape[axis]):
        raise ModelError(
            f"frames={frames}, and the example has {example.shape[axis]}: give one of them"
        )
    row = example[:1].detach()
    # Two rows, so that an axis of one element can never be the batch.
    return torch.cat([row, row]).contiguous(), True


def _made(module: nn.Module, *, frames: int | None, time_axis: int) -> tuple[Tensor, bool]:
    first = next((layer for layer in module.modules() if type(layer) in FIRST), None)
    images = any(isinstance(layer, nn.Conv2d) for layer in module.modules())
    if first is None or images or time_axis not in (-1, 1, 2):
        raise ModelError(
            f"{type(module).__name__} does not say what shape it takes: give an example, "
            f"[batch, channels, frames] or [batch, channels, bins, frames]"
        )
    channels = FIRST[type(first)](first)
    error: Exception | None = None
    for length in (frames,) if frames else LENGTHS:
        shape = (2, length, channels) if time_axis == 1 else (2, channels, length)
        example = torch.zeros(shape)
        try:
            with torch.no_grad(), quiet():
                module(example)
        except (RuntimeError, ValueError, IndexError) as found:
            error = found
            continue
        return example, frames is not None
    raise ModelError(
        f"{type(module).__name__} does not take [batch, {channels} channels, frames], which its first layer "
        f"asks for: give an example of its input"
    ) from error
