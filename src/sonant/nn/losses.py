"""What draws the embeddings of a speaker together and those of others apart.

A loss is a module: what it has learned of the training's speakers is optimised with the model and left
out of the bundle. Embeddings are [batch, size] of length 1, speakers [batch] their numbers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Final, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.nn.losses_config import AamConfig, LossConfig, Mining, SoftmaxConfig, TripletConfig

LEAST_SINE_SQUARED: Final = 1e-7
"""Keeps the slope of the root finite where an embedding lies on its speaker's own direction."""


class Each(NamedTuple):
    """What a loss says of the embeddings of a batch."""

    value: Tensor
    """[batch], to go down."""
    right: Tensor
    """[batch], whether it was answered rightly."""


class SpeakerLoss(nn.Module, ABC):
    """Embeddings and whose they are -> `Each`."""

    @abstractmethod
    def forward(self, embeddings: Tensor, speakers: Tensor, *, epoch: int) -> Each:
        """The loss of a batch in an epoch, counted from 0."""

    def begin_at(self, centroids: Tensor) -> None:
        """Begin with what a trained model thinks of the speakers, [speakers, size] of length 1.

        The first steps of a fine-tuning would else be spent on learning the speakers anew, at the model's
        cost. A loss that knows no speakers has nothing to do.
        """


def loss_for(config: LossConfig, *, size: int, speakers: int) -> SpeakerLoss:
    """The loss a config describes, for embeddings of `size` values and so many speakers."""
    match config:
        case SoftmaxConfig():
            return SoftmaxLoss(config, size=size, speakers=speakers)
        case AamConfig():
            return AamLoss(config, size=size, speakers=speakers)
        case TripletConfig():
            return TripletLoss(config)


@final
class SoftmaxLoss(SpeakerLoss):
    """Cross-entropy of a dense layer on embeddings of length `scale`.

    Source: Ranjan, Castillo and Chellappa, "L2-constrained softmax loss" (2017), section 4.
    """

    def __init__(self, config: SoftmaxConfig, *, size: int, speakers: int) -> None:
        super().__init__()
        self.scale = config.scale
        self.dense = nn.Linear(size, speakers)

    def forward(self, embeddings: Tensor, speakers: Tensor, *, epoch: int) -> Each:
        """The loss of a batch."""
        return _cross_entropy(self.dense(embeddings * self.scale), speakers)

    @torch.no_grad()
    def begin_at(self, centroids: Tensor) -> None:
        """Each speaker's weights are the centroid, and no speaker is likelier than another."""
        self.dense.weight.copy_(centroids)
        self.dense.bias.zero_()


@final
class AamLoss(SpeakerLoss):
    """Additive angular margin: cross-entropy of cosines, the right one that of an angle wider by the margin.

    Past the angle where the widened cosine would rise again it goes on in a straight line, so a
    wrong answer always costs more than a better one. Source: Deng et al., "ArcFace" (2019), section 3.1;
    for large margins in a fine-tuning Thienpondt, Desplanques and Demuynck, "The Idlab VoxSRC-20
    submission" (2021), section 2.3.
    """

    def __init__(self, config: AamConfig, *, size: int, speakers: int) -> None:
        super().__init__()
        self.config = config
        self.directions = nn.Parameter(torch.empty(speakers, size))
        nn.init.xavier_uniform_(self.directions)

    def forward(self, embeddings: Tensor, speakers: Tensor, *, epoch: int) -> Each:
        """The loss of a batch, at the epoch's margin."""
        cosines = F.linear(embeddings, F.normalize(self.directions, dim=1))
        own = cosines.gather(1, speakers[:, None])
        held = _widened(own, self.config.margin_at(epoch))
        logits = cosines.scatter(1, speakers[:, None], held) * self.config.scale
        value, _ = _cross_entropy(logits, speakers)
        # Right is who would be named, without the margin that only training has.
        return Each(value, cosines.detach().argmax(1) == speakers)

    @torch.no_grad()
    def begin_at(self, centroids: Tensor) -> None:
        """Each speaker's direction is the centroid."""
        self.directions.copy_(centroids)


@final
class TripletLoss(SpeakerLoss):
    """Each embedding, the least alike of its own speaker in the batch, and the mined one of another.

    max(0, cosine to the other - cosine to the own + margin); an embedding alone of its speaker, or among
    no others, costs nothing. Source: Li et al., "Deep Speaker" (2017), section 3.4; mining in the batch,
    Hermans, Beyer and Leibe, "In defense of the triplet loss" (2017), section 2.
    """

    def __init__(self, config: TripletConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, embeddings: Tensor, speakers: Tensor, *, epoch: int) -> Each:
        """The loss of a batch, one triplet for each embedding."""
        cosines = embeddings @ embeddings.T
        triplets = mine(cosines.detach(), speakers, mining=self.config.mining)
        own = cosines.gather(1, triplets.own[:, None])[:, 0]
        other = cosines.gather(1, triplets.other[:, None])[:, 0]
        value = (other - own + self.config.margin).clamp(min=0.0) * triplets.there
        # Right is whose own are all more alike than any other: the mined one may be picked to be less.
        right = own.detach() > triplets.nearest
        return Each(value, right & triplets.there)


class Triplets(NamedTuple):
    """For each embedding of a batch, the places of the two it is compared with."""

    own: Tensor
    """[batch], the least alike of the same speaker."""
    other: Tensor
    """[batch], the mined one of another speaker."""
    nearest: Tensor
    """[batch], the cosine to the most alike of other speakers, mined or not."""
    there: Tensor
    """[batch], whether there are both."""


def mine(cosines: Tensor, speakers: Tensor, *, mining: Mining) -> Triplets:
    """Find each embedding's triplet in its batch, from cosines [batch, batch].

    `semi_hard` takes the most alike of those less alike than the own one, and where there is none the
    least alike of all: gentler, but speakers who are one to the model stay so. Source: Schroff,
    Kalenichenko and Philbin, "FaceNet" (2015), section 3.2.
    """
    same = speakers[:, None] == speakers[None, :]
    own_side = same & ~torch.eye(len(speakers), dtype=torch.bool, device=same.device)
    own_cosine, own = cosines.masked_fill(~own_side, math.inf).min(1)
    hardest = cosines.masked_fill(same, -math.inf)
    nearest, other = hardest.max(1)
    if mining == "semi_hard":
        softer = hardest.masked_fill(cosines >= own_cosine[:, None], -math.inf)
        gentlest = cosines.masked_fill(same, math.inf).argmin(1)
        other = torch.where(softer.max(1).values > -math.inf, softer.argmax(1), gentlest)
    return Triplets(own, other, nearest, own_side.any(1) & (~same).any(1))


def _cross_entropy(logits: Tensor, speakers: Tensor) -> Each:
    value = F.cross_entropy(logits, speakers, reduction="none")
    return Each(value, logits.detach().argmax(1) == speakers)


def _widened(cosine: Tensor, margin: float) -> Tensor:
    """The cosine of an angle wider by `margin`, falling all the way."""
    sine = (1.0 - cosine.square()).clamp(min=LEAST_SINE_SQUARED).sqrt()
    wider = cosine * math.cos(margin) - sine * math.sin(margin)
    return torch.where(cosine > -math.cos(margin), wider, cosine - math.sin(margin) * margin)
