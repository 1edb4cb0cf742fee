"""Whether embeddings still tell speakers apart: a training that makes them all alike is stopped."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from sonant.errors import TrainingError


class Spread(NamedTuple):
    """How far embeddings lie apart."""

    cosine: float
    """Mean over pairs of different speakers; 1 where all embeddings are one."""
    variance: float
    """Sum over the values of an embedding; 0 where all embeddings are one, 1 at most."""


def spread(embeddings: Tensor, speakers: Tensor) -> Spread:
    """The spread of embeddings [batch, size] of length 1, and whose they are [batch].

    Of one speaker alone there is no pair, and the cosine is 0.
    """
    each = embeddings.detach().double()
    total = each.sum(0)
    numbers = torch.unique(speakers, return_inverse=True)[1]
    own = torch.zeros(int(numbers.max()) + 1, each.shape[1], dtype=each.dtype, device=each.device)
    own.index_add_(0, numbers, each)
    pairs = len(each) ** 2 - int(torch.bincount(numbers).square().sum())
    across = float((total @ total) - own.square().sum())
    return Spread(
        cosine=across / pairs if pairs else 0.0,
        variance=float(each.var(0, correction=0).sum()),
    )


@final
class CollapseMonitor:
    """Stops a run whose embeddings stay alike for so long that it is no beginning."""

    def __init__(self, *, cosine: float, steps: int) -> None:
        """`cosine` is the highest that is borne between speakers, for `steps` on end."""
        self.cosine, self.steps = cosine, steps
        self.above = 0

    def watch(self, embeddings: Tensor, speakers: Tensor) -> Spread:
        """Look at the embeddings of a step; raises `TrainingError` that says what to change."""
        found = spread(embeddings, speakers)
        self.above = self.above + 1 if found.cosine > self.cosine else 0
        if self.above >= self.steps:
            raise TrainingError(
                f"the embeddings have collapsed: for {self.above} steps the mean cosine between "
                f"different speakers has been above {self.cosine:g} (now {found.cosine:.4f}, variance "
                f"{found.variance:.2g}), so all speakers look alike. Begin with a model trained with "
                "speaker.loss.name=softmax (parent=BUNDLE), lower fit.learning_rate, or set "
                "speaker.loss.mining=semi_hard; speaker.collapse_steps says how long is waited"
            )
        return found
