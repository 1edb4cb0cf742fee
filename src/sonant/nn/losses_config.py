"""The settings of the losses that speaker models are trained with. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sonant.errors import RecipeError

Mining = Literal["hardest", "semi_hard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxConfig:
    """Which of the training's speakers is it? A dense layer and cross-entropy."""

    scale: float = 16.0
    """Length that embeddings are brought to before the layer; of length 1 they could never be certain."""

    def __post_init__(self) -> None:
        _above_zero("scale", self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class AamConfig:
    """The same question about angles, with a margin for the right answer."""

    scale: float = 30.0
    """Factor on the cosines."""
    margin: float = 0.2
    """Radians that the angle to the right speaker is held against; 0.5 is a large margin."""
    rise: tuple[int, int] = (0, 0)
    """Epochs between which the margin grows from 0; (0, 0) has all of it from the first."""

    def __post_init__(self) -> None:
        _above_zero("scale", self.scale)
        if not 0.0 <= self.margin < math.pi / 2:
            raise RecipeError(f"margin: {self.margin} is not in [0, 1.57) radians")
        if not 0 <= self.rise[0] <= self.rise[1]:
            raise RecipeError(
                f"rise: {list(self.rise)} are not two epochs, the first before the second"
            )

    def margin_at(self, epoch: int) -> float:
        """The margin in an epoch, counted from 0."""
        first, last = self.rise
        if epoch >= last:
            return self.margin
        return self.margin * max(0.0, (epoch - first) / (last - first))


@dataclass(frozen=True, slots=True, kw_only=True)
class TripletConfig:
    """Each embedding nearer to its own speaker's than to another's; wants a model that was pre-trained."""

    margin: float = 0.1
    """By how much the cosine to the own speaker must be above that to another."""
    mining: Mining = "hardest"
    """Whom an embedding is held against: the most alike of others, or of those less alike than its own."""

    def __post_init__(self) -> None:
        if not 0.0 < self.margin < 2.0:
            raise RecipeError(f"margin: {self.margin} is not a difference of cosines in (0, 2)")


LossConfig: TypeAlias = SoftmaxConfig | AamConfig | TripletConfig
"""The settings of any loss of speaker models."""

LOSSES: Final[dict[str, type[LossConfig]]] = {
    "softmax": SoftmaxConfig,
    "aam": AamConfig,
    "triplet": TripletConfig,
}
"""Every loss by the name a recipe calls it."""


def _above_zero(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise RecipeError(f"{name}: {value} is not above 0")
