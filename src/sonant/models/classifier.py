"""The whole model: the front end is its first layer, the network the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn
from torch.nn import functional as F

from sonant.nn.frontend import FrontEnd
from sonant.nn.streaming import Chain, Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd

Vary: TypeAlias = Callable[[Tensor], Tensor]
"""A change of the features, [batch, bins, frames] in and out."""


class Classifier(nn.Module):
    """Samples in, logits out: in training, in every exported file and in the server."""

    def __init__(self, front_end: FrontEnd | StreamingFrontEnd, network: nn.Module) -> None:
        super().__init__()
        self.front_end = front_end
        self.network = network

    def forward(self, samples: Tensor, vary: Vary | None = None) -> Tensor:
        """[batch, samples] -> logits [batch, labels]; training may `vary` the features in between.

        A network that streams answers at every frame: its last answer is the one about the clip.
        """
        features: Tensor = self.front_end(self._fitted(samples).unsqueeze(1))
        if vary is not None:
            features = vary(features)
        if isinstance(self.network, Streamable):
            return self.network.last(features).squeeze(-1)
        logits: Tensor = self.network(features)
        return logits

    def _fitted(self, samples: Tensor) -> Tensor:
        return samples


class StreamingClassifier(Classifier):
    """A classifier whose front end and network both stream, and so does the whole."""

    front_end: StreamingFrontEnd
    network: Streamable

    def __init__(self, front_end: StreamingFrontEnd, network: Streamable) -> None:
        super().__init__(front_end, network)

    @property
    def stream(self) -> Chain:
        """Samples [batch, 1, samples] -> logits [batch, labels, frames]; the weights are shared."""
        return Chain(self.front_end, self.network)

    def _fitted(self, samples: Tensor) -> Tensor:
        """With silence before it, so that its end is the end of a hop, and behind it for look-ahead."""
        stream = self.stream
        hop, delay = int(stream.hop), int(stream.delay)
        lead = -(samples.shape[-1] + delay) % hop
        return F.pad(samples, (lead, delay)) if lead or delay else samples
