"""Attention among the nodes of a graph in which each sees all: of one kind, of two kinds, and pooling.

Nodes are [batch, nodes, values]. Source: Jung et al., "AASIST: audio anti-spoofing using integrated
spectro-temporal graph attention networks" (2022).
"""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INPUT_DROPOUT: Final = 0.2
POOL_DROPOUT: Final = 0.3


@final
class GraphAttention(nn.Module):
    """Nodes [batch, nodes, inputs] -> [batch, nodes, outputs]: each is a mixture of all, and itself."""

    def __init__(self, inputs: int, outputs: int, *, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.compare = nn.Linear(inputs, outputs)
        self.weight = attention_weight(outputs)
        self.mixed = nn.Linear(inputs, outputs)
        self.own = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(INPUT_DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Attend by how alike two nodes are."""
        x = self.dropout(x)
        scores = torch.tanh(self.compare(pairs(x))) @ self.weight
        attention = (scores.squeeze(-1) / self.temperature).softmax(-1)
        return activated(self.mixed(attention @ x) + self.own(x), self.norm)


@final
class TwoKinds(nn.Module):
    """Attention among nodes of two kinds, and a master node that looks at all of them.

    [batch, nodes, inputs], [batch, other nodes, inputs] and the master [batch, 1, inputs] -> the same with
    `outputs` values. Two nodes are compared by weights for their kinds.
    """

    def __init__(self, inputs: int, outputs: int, *, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.kinds = nn.ModuleList(nn.Linear(inputs, inputs) for _ in range(2))
        self.compare = nn.Linear(inputs, outputs)
        self.within_first = attention_weight(outputs)
        self.within_second = attention_weight(outputs)
        self.between = attention_weight(outputs)
        self.mixed = nn.Linear(inputs, outputs)
        self.own = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)
        self.compare_master = nn.Linear(inputs, outputs)
        self.master_weight = attention_weight(outputs)
        self.mixed_master = nn.Linear(inputs, outputs)
        self.own_master = nn.Linear(inputs, outputs)
        self.dropout = nn.Dropout(INPUT_DROPOUT)

    def forward(
        self, first: Tensor, second: Tensor, master: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Attend among all nodes, then let the master look at them."""
        count = first.shape[1]
        one, two = self.kinds
        x = self.dropout(torch.cat([one(first), two(second)], 1))
        attention = (self._scores(x, count) / self.temperature).softmax(-1)
        seen = torch.tanh(self.compare_master(x * master)) @ self.master_weight
        weights = (seen / self.temperature).softmax(1)
        master = self.mixed_master(weights.transpose(1, 2) @ x) + self.own_master(master)
        y = activated(self.mixed(attention @ x) + self.own(x), self.norm)
        return y[:, :count], y[:, count:], master

    def _scores(self, x: Tensor, count: int) -> Tensor:
        """How much each node minds each other, [batch, nodes, nodes]; `count` are of the first kind."""
        alike = torch.tanh(self.compare(pairs(x)))
        upper = torch.cat(
            [alike[:, :count, :count] @ self.within_first, alike[:, :count, count:] @ self.between],
            2,
        )
        lower = torch.cat(
            [
                alike[:, count:, :count] @ self.between,
                alike[:, count:, count:] @ self.within_second,
            ],
            2,
        )
        return torch.cat([upper, lower], 1).squeeze(-1)


@final
class GraphPool(nn.Module):
    """The nodes that score highest, each times its score: a share of them, one at least.

    Source: Gao and Ji, "Graph U-Nets" (2019).
    """

    def __init__(self, size: int, *, share: float) -> None:
        super().__init__()
        self.share = share
        self.score = nn.Linear(size, 1)
        self.dropout = nn.Dropout(POOL_DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, nodes, values] -> [batch, fewer nodes, values]."""
        scores = torch.sigmoid(self.score(self.dropout(x)))
        kept = max(int(x.shape[1] * self.share), 1)
        places = torch.topk(scores, kept, dim=1).indices
        return torch.gather(x * scores, 1, places.expand(-1, -1, x.shape[2]))


def pairs(x: Tensor) -> Tensor:
    """Products of every two nodes, [batch, nodes, nodes, values]."""
    return x.unsqueeze(2) * x.unsqueeze(1)


def activated(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Each value over all nodes of the batch normalised, then SELU."""
    y: Tensor = F.selu(norm(x.transpose(1, 2))).transpose(1, 2)
    return y


def attention_weight(size: int) -> nn.Parameter:
    """What a comparison of so many values is weighed by, [size, 1]."""
    weight = nn.Parameter(torch.empty(size, 1))
    nn.init.xavier_normal_(weight)
    return weight
