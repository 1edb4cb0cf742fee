"""Convolutions that see silence where an utterance has ended, whatever its batch mates do there."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn


@final
class TimeDelay(nn.Module):
    """A time-delay layer: convolution along time, activation, batch norm.

    [batch, inputs, frames] and a mask [batch, frames] -> [batch, outputs, frames]. A kernel, of an odd
    number of frames, lies around its frame; zeros stand before the first and behind the last. Source:
    Waibel et al., "Phoneme Recognition Using Time-Delay Neural Networks" (1989).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        dilation: int = 1,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            inputs, outputs, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2
        )
        self.activation = nn.ReLU() if activation is None else activation
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """What stands outside the mask, before and after, counts for nothing."""
        y: Tensor = self.norm(self.activation(self.conv(x * mask.unsqueeze(1))))
        return y
