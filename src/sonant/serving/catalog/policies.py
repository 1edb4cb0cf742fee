"""Which of the versions that are there a model serves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final


class Policy(ABC):
    """A rule that picks versions."""

    @abstractmethod
    def choose(self, there: Iterable[int]) -> list[int]:
        """Those of the versions `there` that are to be served, newest first."""

    def missed(self, there: Iterable[int]) -> list[int]:
        """Versions that the rule names and that are not there."""
        return []


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Latest(Policy):
    """The newest ones."""

    count: int = 1

    def choose(self, there: Iterable[int]) -> list[int]:
        """The `count` highest numbers; 0 means 1, as in TensorFlow Serving."""
        return sorted(there, reverse=True)[: max(1, self.count)]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class All(Policy):
    """Every one."""

    def choose(self, there: Iterable[int]) -> list[int]:
        """All of them."""
        return sorted(there, reverse=True)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Specific(Policy):
    """Those that are named."""

    versions: tuple[int, ...]

    def choose(self, there: Iterable[int]) -> list[int]:
        """The named ones that are there."""
        return sorted(set(self.versions) & set(there), reverse=True)

    def missed(self, there: Iterable[int]) -> list[int]:
        """The named ones that are not."""
        return sorted(set(self.versions) - set(there))
