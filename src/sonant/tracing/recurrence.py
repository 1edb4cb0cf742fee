"""Recurrent layers as they run in a stream: a state for each layer, nothing else kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import torch
from torch import Tensor

from sonant.nn.streaming import State
from sonant.tracing.operations import Moment, Operation
from sonant.tracing.timing import Timeline

CLOSED: Final = 1e4
"""An input to a gate that shuts it (or opens it) exactly, in every float type."""

GATES: Final[dict[str, tuple[float, ...]]] = {
    "gru": (0.0, CLOSED, 0.0),
    "lstm": (-CLOSED, 0.0, 0.0, 0.0),
    "rnn_tanh": (0.0,),
    "rnn_relu": (0.0,),
}
"""What each gate is given more while a state is held at zero: a GRU's update open, an LSTM's input shut."""

KERNELS: Final[dict[str, Callable[..., Any]]] = {
    "gru": torch.gru, "lstm": torch.lstm, "rnn_tanh": torch.rnn_tanh, "rnn_relu": torch.rnn_relu,
}  # fmt: skip
"""One layer at a time, batch first."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrent(Operation):
    """Layers of one kind behind one another.

    A stream begins before the module's first frame where something before this layer looks ahead. The
    state is held at zero until then: by an input of its own to the gates, so that it stays one operator.
    """

    kind: str
    """`gru`, `lstm`, `rnn_tanh` or `rnn_relu`."""
    hidden: int
    """Units of each layer."""
    layers: int
    """How many."""
    biases: bool
    """Whether gates have biases."""
    axes: tuple[int, int]
    """Batch and time of the input."""
    hold: Timeline | None
    """The input's time where the module's first frame comes later than the stream's."""

    def initial(self, like: Tensor) -> State:
        """Zeros for every layer; an LSTM's cells behind its outputs."""
        zeros = like.new_zeros(like.shape[0], self.hidden)
        parts = 2 if self.kind == "lstm" else 1
        return tuple(zeros.clone() for _ in range(parts * self.layers))

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """(The outputs of the last layer, the outputs of every layer [layers, batch * frames, hidden])."""
        x = inputs[0].movedim(self.axes, (0, 1))
        idle = None
        if self.hold is not None:
            alive = moment.alive(self.hold, x.shape[1])[..., None].to(x.device)
            x = torch.where(alive, x, x.new_zeros(()))
            idle = (~alive).to(x.dtype).expand(x.shape[0], -1, -1)
        each, per_layer, parts = [], 4 if self.biases else 2, 2 if self.kind == "lstm" else 1
        after: list[State] = []
        for layer in range(self.layers):
            weights = list(inputs[1 + layer * per_layer : 1 + (layer + 1) * per_layer])
            before = memory[layer * parts : (layer + 1) * parts]
            x, kept = self._layer(x, before, weights, idle)
            each.append(x.flatten(0, 1))
            after += kept
        return (x.movedim((0, 1), self.axes), torch.stack(each)), tuple(after)

    def _layer(
        self, x: Tensor, before: Any, weights: list[Tensor], idle: Tensor | None
    ) -> tuple[Tensor, list[State]]:
        if idle is not None:
            x = torch.cat([x, idle], -1)
            weights = [torch.cat([weights[0], self._gate(weights)[:, None]], 1), *weights[1:]]
        state = [part.to(x.dtype)[None].contiguous() for part in before]
        begin = tuple(state) if self.kind == "lstm" else state[0]
        y, *kept = KERNELS[self.kind](x, begin, weights, self.biases, 1, 0.0, False, False, True)
        return y, [part[0] for part in kept]

    def _gate(self, weights: list[Tensor]) -> Tensor:
        gate = weights[0].new_tensor(GATES[self.kind]).repeat_interleave(self.hidden)
        # A plain unit has no gate: its input is made to cancel its biases.
        if self.kind.startswith("rnn") and self.biases:
            gate = -(weights[2] + weights[3])
        return gate
