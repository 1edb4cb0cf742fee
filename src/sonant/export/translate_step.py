"""What is exported, as a graph with named ends: a whole clip, or one step of a stream.

A step has its states as inputs and outputs; those that hold nothing are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from sonant.card import StateSpec
from sonant.export.onnx import FEATURES, INPUT, OUTPUT, exportable
from sonant.export.translate_graph import Graph, flat
from sonant.nn.streaming import State, Streamable, named_leaves, with_leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Exportable:
    """A graph, and what its ends are called."""

    graph: Graph
    """Inputs: what is heard, then the states; outputs: the answer, then the states behind it."""
    input: str
    """Name of what is heard: samples or features."""
    shape: tuple[int, ...]
    """Of what is heard, without the batch axis."""
    output: str
    """Name of the answer."""
    states: tuple[StateSpec, ...] = ()
    """In the order of the inputs; none for a whole clip."""
    hop: int = 0
    """Samples or frames for one answer; 0 for a whole clip."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names in the order of the graph's inputs."""
        return (self.input, *(state.name for state in self.states))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names in the order of the graph's outputs."""
        return (self.output, *(state.next for state in self.states))

    def silence(self, batch: int) -> list[Tensor]:
        """The states of streams that begin, without those that hold nothing."""
        return [torch.zeros(batch, *state.shape) for state in self.states]


def whole_graph(classifier: nn.Module, *, shape: Sequence[int]) -> Exportable:
    """`classifier` with its softmax, for clips of [batch, *shape]; the module is left as it was.

    Raises `ExportError` for what torch cannot flatten.
    """
    graph = flat(exportable(classifier), [torch.zeros(2, *shape)])
    name = INPUT if len(shape) == 1 else FEATURES
    return Exportable(graph=graph, input=name, shape=tuple(shape), output=OUTPUT)


def step_graph(
    stream: Streamable, *, shape: Sequence[int], frames: int = 1, head: nn.Module | None = None
) -> Exportable:
    """One step of `stream`, which gives logits, as [batch, ..., hop * frames] -> probabilities.

    `shape` is () for samples and [bins] for features; `head` is what makes logits an answer, if not
    the softmax. The module is left as it was. Raises
    `ExportError` for what torch cannot flatten.
    """
    inner = deepcopy(stream).to("cpu", torch.float32)
    module = Step(inner, head or nn.Softmax(dim=1)).eval()
    heard = torch.zeros(2, *shape, int(stream.hop) * frames)
    states = [leaf for leaf in module.leaves(heard).values() if leaf.numel()]
    names = [name for name, leaf in module.leaves(heard).items() if leaf.numel()]
    return Exportable(
        graph=flat(module, [heard, *states]),
        input=FEATURES if shape else INPUT,
        shape=tuple(heard.shape[1:]),
        output=OUTPUT,
        states=tuple(
            StateSpec(name=name, next=f"{name}.next", shape=tuple(leaf.shape[1:]))
            for name, leaf in zip(names, states, strict=True)
        ),
        hop=int(stream.hop),
    )


@final
class Step(nn.Module):
    """One step with flat states: (heard, *states) -> (probabilities, *states)."""

    def __init__(self, stream: Streamable, head: nn.Module) -> None:
        super().__init__()
        self.stream = stream
        self.head = head

    def forward(self, heard: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """[batch, hop * n] or [batch, bins, hop * n] -> [batch, labels, n], and the states."""
        x = heard.unsqueeze(1) if heard.dim() == 2 else heard
        empty = self.stream.initial_state(x)
        state = with_leaves(empty, _filled(empty, states))
        y, after = self.stream.step(x, state)
        kept = [leaf for leaf in named_leaves(after).values() if 0 not in leaf.shape[1:]]
        return self.head(y), *kept

    def leaves(self, heard: Tensor) -> dict[str, Tensor]:
        """The states of streams that begin, by name."""
        x = heard.unsqueeze(1) if heard.dim() == 2 else heard
        return named_leaves(self.stream.initial_state(x))


def _filled(empty: State, states: Sequence[Tensor]) -> Iterator[Tensor]:
    """The states in their places, and nothing where there is nothing to keep."""
    given = iter(states)
    for leaf in named_leaves(empty).values():
        yield leaf if 0 in leaf.shape[1:] else next(given)
