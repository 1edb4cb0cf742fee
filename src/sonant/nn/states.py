"""What a stream remembers, and what can be done with it: joined, split, named, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

State: TypeAlias = "Tensor | tuple[State, ...]"
"""Nested tuples of tensors, batch first."""


def joined(state: State, x: Tensor) -> Tensor:
    """The past and the present, one after the other, in the type of the present."""
    assert isinstance(state, Tensor)
    return torch.cat([state.to(x.dtype), x], -1) if state.shape[-1] else x


def map_state(change: Callable[..., Tensor], *states: State) -> State:
    """A state of the same form, each tensor made from those that stand in its place."""
    first = states[0]
    if isinstance(first, Tensor):
        return change(*states)
    return tuple(map_state(change, *parts) for parts in zip(*states, strict=True))


def join_states(states: Sequence[State]) -> State:
    """Streams of any age as one batch."""
    return map_state(lambda *parts: torch.cat(parts), *states)


def split_state(state: State, count: int) -> list[State]:
    """The `count` streams of a batch, one by one."""
    return [map_state(lambda part, at=at: part[at : at + 1], state) for at in range(count)]


def named_leaves(state: State, name: str = "state") -> dict[str, Tensor]:
    """Every tensor of a state by its place in it, as in `state.3.0`."""
    if isinstance(state, Tensor):
        return {name: state}
    leaves: dict[str, Tensor] = {}
    for number, part in enumerate(state):
        leaves |= named_leaves(part, f"{name}.{number}")
    return leaves


def with_leaves(state: State, leaves: Iterator[Tensor]) -> State:
    """A state of the form of `state`, filled with `leaves` in the order of `named_leaves`."""
    return map_state(lambda _: next(leaves), state)


def state_bytes(state: State) -> int:
    """What one stream of a batch of one has to keep."""
    return sum(leaf.numel() * leaf.element_size() for leaf in named_leaves(state).values())
