"""The settings of the losses that spoof detectors are trained with. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossEntropyConfig:
    """Bona fide or spoof? Cross-entropy that weighs the two by what they are worth."""

    weigh: Literal["fixed", "counts"] = "fixed"
    """By `weights`, or so that both labels count the same in an epoch."""
    weights: tuple[float, float] = (0.9, 0.1)
    """Of a bona fide and of a spoofed clip; corpora mostly have nine spoofs to a bona fide clip."""

    def __post_init__(self) -> None:
        if not all(0 < weight < math.inf for weight in self.weights):
            raise RecipeError(f"weights: {list(self.weights)} are not both above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneClassConfig:
    """Bona fide speech around one direction, all else away from it; wants model.head = "cosine"."""

    scale: float = 20.0
    """Factor on what a cosine is short of its margin."""
    margins: tuple[float, float] = (0.9, 0.2)
    """The cosine that bona fide speech has to be above, and the one that spoofs have to be below."""

    def __post_init__(self) -> None:
        if not 0 < self.scale < math.inf:
            raise RecipeError(f"scale: {self.scale} is not above 0")
        if not -1.0 <= self.margins[1] < self.margins[0] <= 1.0:
            raise RecipeError(
                f"margins: {list(self.margins)} are not two cosines, the higher for bona fide first"
            )


SpoofLossConfig: TypeAlias = CrossEntropyConfig | OneClassConfig
"""The settings of any loss of spoof detectors."""

SPOOF_LOSSES: Final[dict[str, type[SpoofLossConfig]]] = {
    "cross_entropy": CrossEntropyConfig,
    "one_class": OneClassConfig,
}
"""Every loss of spoof detectors by the name a recipe calls it."""
