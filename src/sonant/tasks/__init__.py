"""What one problem knows and the training loop must not: its examples, its loss, its score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from sonant.data.batches import Batch


class Loss(NamedTuple):
    """What a training step reports."""

    value: Tensor
    """Scalar to go down; summed over processes and divided by their number, the global mean."""
    right: Tensor
    """Scalar: how many clips of the batch were answered rightly; 0 where a task counts none."""


class Task(nn.Module, ABC):
    """One problem. A module, so that weights needed only in training are optimised, then left out."""

    labels: tuple[str, ...]
    """What the model can answer, in the order of its outputs."""
    counts_right: bool = True
    """Whether clips are answered rightly or wrongly, so that there is an accuracy."""

    @property
    @abstractmethod
    def clips(self) -> int:
        """Clips in the training split."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps in an epoch."""

    @abstractmethod
    def adaptation(self) -> Iterator[Tensor]:
        """The training split as it is, [batch, 1, samples], for the front end's statistics."""

    @abstractmethod
    def batches(self, *, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The training batches of an epoch, from number `first` on."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch, *, epoch: int) -> Loss:
        """What one step minimises."""

    @abstractmethod
    def score(self, model: nn.Module) -> Mapping[str, float]:
        """Sums over this process' share of the validation split, and its `clips`; empty if there is none."""

    @abstractmethod
    def paths(self, batch: Batch) -> list[str]:
        """The files of a batch, for messages."""
