"""An utterance while it is spoken: the embedding of all that was said so far, whenever it is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import numpy as np

from sonant.audio import Samples
from sonant.runtime.session import StreamGraph
from sonant.speakers.embedding import Embedding, EmbeddingGraph


class Growing(ABC):
    """One utterance at a time, from silence; whoever feeds it says when the next begins."""

    @abstractmethod
    def push(self, samples: Samples) -> None:
        """Hear further [samples] at the model's rate; raises `AudioError` for such as are no numbers."""

    @abstractmethod
    def embedding(self) -> Embedding:
        """That of all that was heard since `reset`, of which there has to be a tenth of a second."""

    @abstractmethod
    def reset(self) -> None:
        """Begin another utterance."""


@final
class Streamed(Growing):
    """By the step graph: every hop is worked out once, and an answer costs nothing more."""

    def __init__(self, graph: StreamGraph) -> None:
        self._session = graph.open()
        self._last = np.zeros(graph.values, np.float32)

    def push(self, samples: Samples) -> None:
        """Step over the hops that these samples make whole."""
        answers = self._session.push(samples)
        if len(answers):
            self._last = answers[-1]

    def embedding(self) -> Embedding:
        """The last answer; a step graph tells no norm."""
        return Embedding(vector=self._last, norm=None)

    def reset(self) -> None:
        """Begin with states of zeros."""
        self._session.reset()
        self._last = np.zeros_like(self._last)


@final
class Repeated(Growing):
    """By the graph for whole clips, which hears the utterance from its beginning each time it is asked."""

    def __init__(self, graph: EmbeddingGraph) -> None:
        self._graph = graph
        self._samples = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> None:
        """Keep the samples."""
        self._samples = np.concatenate([self._samples, samples])

    def embedding(self) -> Embedding:
        """One run over all of them."""
        return self._graph.embed(self._samples)

    def reset(self) -> None:
        """Forget them."""
        self._samples = np.zeros(0, np.float32)
