"""One LSTM over the frames of an STFT or MFCC; its last state gives the answer.

Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), in the form of the Keras layer
`LSTM(256, dropout=0.1)`. Shapes: [bins, frames] -> 256 -> labels. The answer is logits: a softmax
here, under a loss that applies its own, would flatten every gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sonant.models.initial import as_keras


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralLSTMConfig:
    """One recurrent layer."""

    units: int = 256
    """Width of the state."""
    dropout: float = 0.1
    """Share of bins dropped from the input, the same ones in all frames of a clip."""


class SpectralLSTM(nn.Module):
    """An LSTM that listens to the whole clip and answers at its end.

    torch keeps two biases where Keras keeps one, so there are 4 x units more parameters; they are
    added up, and so compute nothing that one could not.
    """

    def __init__(self, config: SpectralLSTMConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__()
        # One mask a clip, not one a frame: whole rows of [bins, frames] go, as in Keras.
        self.dropout = nn.Dropout1d(config.dropout)
        self.lstm = nn.LSTM(bins, config.units, batch_first=True)
        self.dense = nn.Linear(config.units, labels)
        as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]; any number of frames will do."""
        _, (state, _) = self.lstm(self.dropout(features).transpose(1, 2))
        logits: Tensor = self.dense(state[-1])
        return logits
