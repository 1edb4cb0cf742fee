"""The dense layers with which a network ends, and the checks that lists of layers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import Final, Literal, TypeAlias

from torch import nn

from sonant.errors import RecipeError

Activation: TypeAlias = Literal["linear", "relu", "elu", "silu", "tanh", "sigmoid"]
ACTIVATIONS: Final[dict[Activation, Callable[[], nn.Module]]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def dense(
    inputs: int, units: Sequence[int], activations: Sequence[Activation], *, labels: int = 0
) -> nn.Sequential:
    """Dense layers on every frame by itself, [batch, channels, frames], as 1 x 1 convolutions.

    With `labels` a last one gives the logits.
    """
    layers = nn.Sequential()
    for width, activation in zip(units, activations, strict=True):
        layers.append(nn.Conv1d(inputs, width, 1))
        layers.append(ACTIVATIONS[activation]())
        inputs = width
    if labels:
        layers.append(nn.Conv1d(inputs, labels, 1))
    return layers


def same_length(what: str, **lists: Sized) -> None:
    """Raise `RecipeError` with all lengths when lists of one value a layer differ in them."""
    if len({len(values) for values in lists.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(values)}" for name, values in lists.items())
        raise RecipeError(f"the lists of the {what} want one value each a layer, but {lengths}")


def positive(**lists: int | tuple[int, ...] | tuple[tuple[int, int], ...]) -> None:
    """Raise `RecipeError` naming the first setting with a value below 1."""
    for name, values in lists.items():
        least = min(_flat(values), default=1)
        if least < 1:
            raise RecipeError(f"{name}: {least} is not above 0")


def known(**lists: tuple[str, ...]) -> None:
    """Raise `RecipeError` for the first activation that is not one."""
    for name, activations in lists.items():
        for activation in activations:
            if activation not in ACTIVATIONS:
                raise RecipeError(f"{name}: {activation!r} is not one of {', '.join(ACTIVATIONS)}")


def _flat(values: int | tuple[int, ...] | tuple[tuple[int, int], ...]) -> list[int]:
    if isinstance(values, int):
        return [values]
    return [part for value in values for part in _flat(value)]
