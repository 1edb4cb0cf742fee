"""The LSTM of kws_streaming: one recurrent layer with peepholes and a projection.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020; `lstm_peep`), after
Sak et al., "Long Short-Term Memory Based Recurrent Neural Network Architectures for Large Vocabulary
Speech Recognition" (2014). Shapes of the default on 20 MFCC, any number of frames: 20 ->
500, projected to 200 -> labels; with 12 labels 545,912 parameters (published: 545k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from sonant.errors import RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import Activation, dense, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.nn.recurrent import LSTM
from sonant.nn.streaming import Pointwise, State, Streamable


@dataclass(frozen=True, slots=True, kw_only=True)
class LSTMConfig:
    """A recurrent layer, then dense ones."""

    hidden: int = 500
    """Width of the cell."""
    projection: int = 200
    """Width of what the layer gives and hears of itself; 0 takes torch's LSTM, which has neither a
    projection nor peepholes."""
    dropout: float = 0.3
    """Share of values dropped behind it."""
    units: tuple[int, ...] = ()
    """Widths of the dense layers before the answer; may be empty."""
    unit_activations: tuple[Activation, ...] = ()
    """What follows each of them: linear, relu, elu, silu, tanh, sigmoid."""

    def __post_init__(self) -> None:
        same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        positive(hidden=self.hidden, units=self.units)
        known(unit_activations=self.unit_activations)
        if not 0 <= self.projection < self.hidden:
            raise RecipeError(
                f"projection: {self.projection} is not between 0 (none) and hidden, {self.hidden}"
            )


@final
class LSTMNet(Chained):
    """An LSTM that answers at every frame."""

    def __init__(self, config: LSTMConfig, *, bins: int, frames: int, labels: int) -> None:
        recurrent: Streamable = LSTM(bins, config.hidden)
        if config.projection:
            recurrent = PeepholeLSTM(bins, config.hidden, projection=config.projection)
        super().__init__(
            recurrent,
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(
                dense(
                    config.projection or config.hidden,
                    config.units,
                    config.unit_activations,
                    labels=labels,
                )
            ),
        )
        as_keras(self)
        if isinstance(recurrent, PeepholeLSTM):
            recurrent.start()


@final
class PeepholeLSTM(Streamable):
    """[batch, inputs, frames] to [batch, projection, frames]; Sak et al. 2014.

    Gates also look at the cell (peepholes), and what the layer hears of itself is a projection of its
    output. torch's own projected LSTM has no peepholes, and its ONNX graph does not run. The state is
    (output, cell), [batch, projection] and [batch, hidden].
    """

    receptive_field = None

    def __init__(self, inputs: int, hidden: int, *, projection: int) -> None:
        super().__init__()
        self.hidden, self.projection = hidden, projection
        self.hear = nn.Conv1d(inputs, 4 * hidden, 1)
        self.recall = nn.Linear(projection, 4 * hidden, bias=False)
        self.peepholes = nn.Parameter(torch.zeros(3, hidden))
        self.project = nn.Linear(hidden, projection, bias=False)

    def start(self) -> None:
        """A recurrence that keeps lengths, and a forget gate that remembers, as in `as_keras`."""
        nn.init.orthogonal_(self.recall.weight)
        assert self.hear.bias is not None
        nn.init.ones_(self.hear.bias.detach()[self.hidden : 2 * self.hidden])

    def initial_state(self, like: Tensor) -> State:
        """Nothing said, nothing remembered."""
        batch = like.shape[0]
        return like.new_zeros(batch, self.projection), like.new_zeros(batch, self.hidden)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Frame by frame; gates are in the order input, forget, cell, output."""
        output, cell = state
        assert isinstance(output, Tensor)
        assert isinstance(cell, Tensor)
        enters, forgets, leaves = self.peepholes
        answers: list[Tensor] = []
        for heard in self.hear(x).unbind(-1):
            enter, forget, fresh, leave = (heard + self.recall(output)).chunk(4, 1)
            kept = (forget + forgets * cell).sigmoid() * cell
            cell = kept + (enter + enters * cell).sigmoid() * fresh.tanh()
            output = self.project((leave + leaves * cell).sigmoid() * cell.tanh())
            answers.append(output)
        return torch.stack(answers, -1), (output, cell)
