"""The whole model: the front end is its first layer, the network the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

from torch import Tensor, nn

Vary: TypeAlias = Callable[[Tensor], Tensor]
"""A change of the features, [batch, bins, frames] in and out."""


@final
class Classifier(nn.Module):
    """Samples in, logits out: in training, in every exported file and in the server."""

    def __init__(self, front_end: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.front_end = front_end
        self.network = network

    def forward(self, samples: Tensor, vary: Vary | None = None) -> Tensor:
        """[batch, samples] -> logits [batch, labels]; training may `vary` the features in between."""
        features: Tensor = self.front_end(samples.unsqueeze(1))
        if vary is not None:
            features = vary(features)
        logits: Tensor = self.network(features)
        return logits
