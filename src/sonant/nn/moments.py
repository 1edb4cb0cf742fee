"""Mean and deviation of more rows than memory holds, in one sound pass."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor


@final
class Moments:
    """Running mean and deviation of each column, float64, merged batch by batch.

    Squares are taken of distances from a mean, never of the values, so a large offset costs no
    digits. Source: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance",
    equation 2.1.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(1, dtype=torch.float64)
        self._squares = torch.zeros(1, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Take in [rows, columns]."""
        if not len(rows):
            return
        rows = rows.double()
        mean = rows.mean(0)
        self._merge(len(rows), mean, (rows - mean).square().sum(0))

    def _merge(self, count: int, mean: Tensor, squares: Tensor) -> None:
        total = self.count + count
        distance = mean - self.mean.to(mean.device)
        between = distance.square() * (self.count * count / total)
        self._squares = self._squares.to(mean.device) + squares + between
        self.mean = mean - distance * (self.count / total)
        self.count = total

    @property
    def std(self) -> Tensor:
        """Deviation of each column over all rows, [columns]."""
        return (self._squares / max(1, self.count)).sqrt()

    def pooled(self) -> Moments:
        """The same of all columns taken as one."""
        pooled = Moments()
        pooled.count = self.count * len(self.mean)
        pooled.mean = self.mean.mean(0, keepdim=True)
        between = (self.mean - pooled.mean).square().sum(0, keepdim=True) * self.count
        pooled._squares = self._squares.sum(0, keepdim=True) + between
        return pooled
