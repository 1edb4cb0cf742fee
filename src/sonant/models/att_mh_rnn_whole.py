"""att_mh_rnn of kws_streaming as published: for whole clips, which it hears from both ends.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020), after de Andrade et
al., "A neural attention model for speech command recognition" (2018). Shapes of the default on 20
MFCC, any number of frames: image 20 -> 20x10 -> 20x1 -> two-way GRU 2x128 -> two-way GRU 2x128 -> 4
heads of 256 -> 1024 -> 64 -> 32 -> labels; with 12 labels 743,025 parameters and 22 running
statistics, the published 743k. Its second direction begins at the end of the clip and its query is
the clip's middle frame, so it cannot stream; `att_mh_rnn` is the form that can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from sonant.models.dense import positive
from sonant.models.initial import as_keras
from sonant.nn.small_conv import SmallConv2d


@dataclass(frozen=True, slots=True, kw_only=True)
class AttMHRNNWholeConfig:
    """The published network; widths can be changed."""

    hidden: int = 128
    """Width of the state of each recurrent layer, in each direction."""
    layers: int = 2
    """Recurrent layers, one on the other."""
    heads: int = 4
    """Questions that are asked of the clip."""
    dropout: float = 0.2
    """Share of values dropped behind the attention."""

    def __post_init__(self) -> None:
        positive(hidden=self.hidden, layers=self.layers, heads=self.heads)


@final
class AttMHRNNWhole(nn.Module):
    """What the middle of the clip makes of all of it."""

    def __init__(self, config: AttMHRNNWholeConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__()
        width = 2 * config.hidden
        self.heads = config.heads
        self.convolutions = nn.Sequential(*_convolution(1, 10), *_convolution(10, 1))
        self.gru = nn.GRU(
            bins, config.hidden, num_layers=config.layers, batch_first=True, bidirectional=True
        )
        self.query = nn.Linear(width, config.heads * width)
        self.dense = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(config.heads * width, 64),
            nn.ReLU(),
            nn.Linear(64, 32),
            nn.Linear(32, labels),
        )
        as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]; any number of frames will do."""
        image: Tensor = self.convolutions(features.unsqueeze(1))
        heard, _ = self.gru(image.squeeze(1).transpose(1, 2))
        query = self.query(heard[:, heard.shape[1] // 2]).unflatten(1, (self.heads, -1))
        weights = (query @ heard.transpose(1, 2)).softmax(-1)
        logits: Tensor = self.dense((weights @ heard).flatten(1))
        return logits


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Over five frames of each bin, [batch, channels, bins, frames] in and out."""
    layer = SmallConv2d(inputs, outputs, (1, 5), padding=(0, 2))
    return layer, nn.ReLU(), nn.BatchNorm2d(outputs)
