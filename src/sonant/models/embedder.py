"""A whole speaker model: samples of any length in, an embedding of length 1 out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.models.chained import Chained
from sonant.nn.streaming import Pointwise, Streamable
from sonant.nn.streaming_utterance import StreamingUtteranceFrontEnd
from sonant.nn.utterance import UtteranceFrontEnd

Vary: TypeAlias = Callable[[Tensor], Tensor]
"""A change of the features, [batch, bins, frames] in and out."""

LEAST_NORM: Final = 1e-12
"""Least length that an embedding is divided by."""


class EmbeddingNetwork(nn.Module, ABC):
    """Features [batch, bins, frames] and their mask [batch, frames] -> embeddings [batch, size].

    In evaluation mode, frames outside the mask and batch mates never change an answer. Embeddings are
    of any length; `SpeakerEmbedder` scales them.
    """

    size: int
    """Values of an embedding."""

    @abstractmethod
    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Embed a batch of utterances; features are zeros outside the mask."""


class SpeakerEmbedder(nn.Module):
    """Utterances to embeddings: in training, in every exported file and in the server.

    In evaluation mode answers are deterministic, and neither batch mates nor what stands behind an
    utterance's length change them.
    """

    size: int
    """Values of an embedding."""

    def __init__(
        self, front_end: UtteranceFrontEnd | StreamingUtteranceFrontEnd, network: nn.Module
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.network = network
        size = network.size
        assert isinstance(size, int)
        self.size = size

    @property
    def rate_hz(self) -> int:
        """Samples a second of what it hears."""
        return self.front_end.rate_hz

    @property
    def least_samples(self) -> int:
        """Samples of one window: what is shorter is heard with silence behind it."""
        return self.front_end.config.window_length

    def forward(
        self, samples: Tensor, lengths: Tensor | None = None, vary: Vary | None = None
    ) -> Tensor:
        """[batch, 1, samples] and lengths [batch] in samples, or None -> [batch, size], of length 1.

        Training may `vary` the features in between. Raises `ModelError` for shapes that do not fit.
        """
        return scaled(self.unscaled(samples, lengths, vary))

    def unscaled(
        self, samples: Tensor, lengths: Tensor | None = None, vary: Vary | None = None
    ) -> Tensor:
        """The same before it is scaled to length 1; how long it was says something of its quality."""
        features, mask = self.front_end.utterances(samples, lengths)
        if vary is not None:
            features = vary(features) * mask.unsqueeze(1)
        return self._embedded(features, mask, alike=lengths is None)

    def _embedded(self, features: Tensor, mask: Tensor, *, alike: bool) -> Tensor:
        embeddings: Tensor = self.network(features, mask)
        return embeddings


@final
class StreamingSpeakerEmbedder(SpeakerEmbedder):
    """A speaker model that hears a stream; the embedding of an utterance is that at its last frame."""

    front_end: StreamingUtteranceFrontEnd
    network: Streamable

    def __init__(self, front_end: StreamingUtteranceFrontEnd, network: Streamable) -> None:
        super().__init__(front_end, network)

    @property
    def stream(self) -> EmbeddingStream:
        """The whole model as a stream; the weights are shared."""
        return EmbeddingStream(self.front_end, self.network, Pointwise(Scaled()))

    def _embedded(self, features: Tensor, mask: Tensor, *, alike: bool) -> Tensor:
        if alike:
            return self.network.last(features).squeeze(-1)
        answers: Tensor = self.network(features)
        ends = mask.sum(-1).long() - 1
        places = ends[:, None, None].expand(-1, answers.shape[1], 1)
        return torch.gather(answers, 2, places).squeeze(-1)


@final
class EmbeddingStream(Chained):
    """Samples [batch, 1, samples] -> embeddings so far [batch, size, frames], of length 1."""


@final
class Scaled(nn.Module):
    """`scaled` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """[batch, size, ...] in and out."""
        return scaled(x)


def scaled(embeddings: Tensor) -> Tensor:
    """Embeddings [batch, size, ...] of length 1, in float32 where they come from an autocast."""
    if embeddings.dtype in (torch.bfloat16, torch.float16):
        embeddings = embeddings.float()
    return F.normalize(embeddings, dim=1, eps=LEAST_NORM)
