"""Three convolutions on a spectrogram and a global average, as image networks begin.

Shapes on an STFT of 257 bins and 134 frames, [channels, bins, frames]: [1, 257, 134] -> [32, 255,
132] -> pooled [32, 127, 66] -> [64, 125, 64] -> pooled [64, 62, 32] -> [64, 60, 30] -> mean 64 ->
32 -> labels. The dense layer of 32 has no activation: that is how the network was described. The
answer is logits, not a softmax.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from sonant.models.initial import as_keras
from sonant.models.sizes import Window, sizes

CONVOLUTION = Window(kind="convolution", kernel=(3, 3))
POOLING = Window(kind="pooling", kernel=(2, 2), stride=(2, 2))
WINDOWS = (CONVOLUTION, POOLING, CONVOLUTION, POOLING, CONVOLUTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralCNNConfig:
    """Three convolutions, two dense layers."""

    filters: tuple[int, int, int] = (32, 64, 64)
    """Channels of the convolutions."""
    units: int = 32
    """Width of the dense layer before the answer."""
    dropout: float = 0.1
    """Share of values dropped behind each convolution."""


class SpectralCNN(nn.Module):
    """Convolutions and a mean over both axes, so the weights fit any image that is large enough."""

    def __init__(self, config: SpectralCNNConfig, *, bins: int, frames: int, labels: int) -> None:
        super().__init__()
        sizes(WINDOWS, bins=bins, frames=frames)  # refuses an image that is too small
        first, second, third = config.filters
        self.convolutions = nn.Sequential(
            *_convolution(1, first, dropout=config.dropout),
            nn.MaxPool2d(2),
            *_convolution(first, second, dropout=config.dropout),
            nn.MaxPool2d(2),
            *_convolution(second, third, dropout=config.dropout),
        )
        self.dense = nn.Sequential(nn.Linear(third, config.units), nn.Linear(config.units, labels))
        as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]."""
        image: Tensor = self.convolutions(features.unsqueeze(1))
        logits: Tensor = self.dense(image.mean(dim=(2, 3)))
        return logits


def _convolution(inputs: int, outputs: int, *, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3), nn.ReLU(inplace=True), nn.Dropout(dropout)
