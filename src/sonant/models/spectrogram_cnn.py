"""The network of TensorFlow's tutorial "Simple audio recognition: recognizing keywords".

Shapes on the tutorial's 32 x 32 image, [channels, bins, frames]: [1, 32, 32] -> [32, 30, 30] ->
[64, 28, 28] -> pooled [64, 14, 14] -> 12544 -> 128 -> labels. The resizing and the normalisation
that stand before it in the tutorial belong to the front end.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sonant.models.initial import as_keras
from sonant.models.sizes import Window, sizes

WINDOWS = (
    Window(kind="convolution", kernel=(3, 3)),
    Window(kind="convolution", kernel=(3, 3)),
    Window(kind="pooling", kernel=(2, 2), stride=(2, 2)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrogramCNNConfig:
    """Two convolutions, one pooling, two dense layers."""

    filters: tuple[int, int] = (32, 64)
    """Channels of the two convolutions."""
    units: int = 128
    """Width of the dense layer before the answer."""
    dropout: float = 0.25
    """Share of values dropped behind the pooling."""
    dense_dropout: float = 0.5
    """Share of values dropped before the answer."""


class SpectrogramCNN(nn.Module):
    """A small picture classifier on a spectrogram."""

    def __init__(
        self, config: SpectrogramCNNConfig, *, bins: int, frames: int, labels: int
    ) -> None:
        super().__init__()
        first, second = config.filters
        time, frequency = sizes(WINDOWS, bins=bins, frames=frames)[-1]
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(first, second, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Dropout(config.dropout),
        )
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(second * time * frequency, config.units),
            nn.ReLU(inplace=True),
            nn.Dropout(config.dense_dropout),
            nn.Linear(config.units, labels),
        )
        as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]."""
        logits: Tensor = self.dense(self.convolutions(features.unsqueeze(1)))
        return logits
