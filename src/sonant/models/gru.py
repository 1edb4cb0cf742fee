"""The GRU of kws_streaming: one recurrent layer, and dense layers on its last state.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020), after Cho et al.,
"Learning Phrase Representations using RNN Encoder-Decoder" (2014). Shapes of the default on 20 MFCC,
any number of frames: 20 -> 400 -> 128 -> 256 -> labels; with 12 labels 593,836 parameters, both
biases of each gate counted, as in Keras. It hears a stream without end: nothing is ever forgotten by
the clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import nn

from sonant.models.chained import Chained
from sonant.models.dense import Activation, dense, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Pointwise


@dataclass(frozen=True, slots=True, kw_only=True)
class GRUConfig:
    """Recurrent layers, then dense ones."""

    hidden: int = 400
    """Width of the state."""
    layers: int = 1
    """Recurrent layers, one on the other."""
    dropout: float = 0.1
    """Share of values dropped behind them."""
    units: tuple[int, ...] = (128, 256)
    """Widths of the dense layers before the answer; may be empty."""
    unit_activations: tuple[Activation, ...] = ("linear", "relu")
    """What follows each of them: linear, relu, elu, silu, tanh, sigmoid."""

    def __post_init__(self) -> None:
        same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        positive(hidden=self.hidden, layers=self.layers, units=self.units)
        known(unit_activations=self.unit_activations)


@final
class GRUNet(Chained):
    """A GRU that answers at every frame."""

    def __init__(self, config: GRUConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__(
            GRU(bins, config.hidden, layers=config.layers),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(dense(config.hidden, config.units, config.unit_activations, labels=labels)),
        )
        as_keras(self)
