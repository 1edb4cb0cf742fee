"""Layers that carry a memory: gated recurrent networks and SVDF."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from sonant.nn.layers import Conv1d
from sonant.nn.streaming import State, Streamable


@final
class GRU(Streamable):
    """Gated recurrent units, [batch, inputs, frames] to [batch, hidden, frames].

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014), in the
    form of `torch.nn.GRU`. The state is [batch, layers, hidden].
    """

    receptive_field = None

    def __init__(self, inputs: int, hidden: int, *, layers: int = 1) -> None:
        super().__init__()
        self.layers, self.hidden = layers, hidden
        self.gru = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True)

    def initial_state(self, like: Tensor) -> State:
        """Nothing remembered."""
        return like.new_zeros(like.shape[0], self.layers, self.hidden)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Frame by frame."""
        assert isinstance(state, Tensor)
        y, after = self.gru(x.transpose(1, 2), _layers_first(state, x))
        return y.transpose(1, 2), after.transpose(0, 1)


@final
class LSTM(Streamable):
    """Long short-term memory, [batch, inputs, frames] to [batch, hidden, frames].

    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), in the form of
    `torch.nn.LSTM`. The state is (hidden, cell), each [batch, layers, hidden].
    """

    receptive_field = None

    def __init__(self, inputs: int, hidden: int, *, layers: int = 1) -> None:
        super().__init__()
        self.layers, self.hidden = layers, hidden
        self.lstm = nn.LSTM(inputs, hidden, num_layers=layers, batch_first=True)

    def initial_state(self, like: Tensor) -> State:
        """Nothing remembered."""
        nothing = like.new_zeros(like.shape[0], self.layers, self.hidden)
        return nothing, nothing.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Frame by frame."""
        before = tuple(_layers_first(part, x) for part in state)
        y, (hidden, cell) = self.lstm(x.transpose(1, 2), before)
        return y.transpose(1, 2), (hidden.transpose(0, 1), cell.transpose(0, 1))


def _layers_first(state: State, x: Tensor) -> Tensor:
    """As torch wants it: [layers, batch, hidden], in the type of `x`."""
    assert isinstance(state, Tensor)
    return state.to(x.dtype).transpose(0, 1).contiguous()


@final
class SVDF(Streamable):
    """Singular value decomposition filter: a dense layer, then a filter over time for each feature.

    [batch, inputs, frames] to [batch, units, frames], without an activation. Each unit is the sum of
    `rank` pairs of a frequency filter and a time filter over `memory` frames. Source: Alvarez and
    Park, "End-to-end streaming keyword spotting" (2019), section 3.1; Nakkiran et al. (2015).
    """

    def __init__(self, inputs: int, units: int, *, memory: int, rank: int = 1) -> None:
        super().__init__()
        self.rank = rank
        self.features = nn.Conv1d(inputs, units * rank, 1, bias=False)
        self.filters = Conv1d(units * rank, units * rank, memory, groups=units * rank, bias=False)
        self.bias = nn.Parameter(torch.zeros(units))
        self.receptive_field = memory

    def initial_state(self, like: Tensor) -> State:
        """The features of silence."""
        return self.filters.initial_state(like)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of each frame, filtered over time, summed over the rank."""
        y, after = self.filters.step(self.features(x), state)
        return self._summed(y), after

    def last(self, x: Tensor) -> Tensor:
        """The last window alone."""
        recent = x[..., -self.filters.span :]
        return self._summed(self.filters.last(self.features(recent)))

    def _summed(self, y: Tensor) -> Tensor:
        """The features of a unit stand side by side."""
        if self.rank > 1:
            y = torch.unflatten(y, 1, (-1, self.rank)).sum(2)
        return y + self.bias[:, None]
