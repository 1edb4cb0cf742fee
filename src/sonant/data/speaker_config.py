"""What only the training of a speaker model has: the `[speaker]` table of a recipe. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from sonant.errors import RecipeError
from sonant.nn.losses_config import LossConfig, SoftmaxConfig, TripletConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerConfig:
    """What a step hears of whom, and what it minimises."""

    loss: LossConfig = field(default_factory=SoftmaxConfig)
    """What a step minimises."""
    together: int = 1
    """Crops of a speaker in a batch; triplets want 2 or more. A batch is a multiple of it."""
    crops: int = 8
    """Crops of every speaker in an epoch, however many recordings there are."""
    crop_s: tuple[float, float] = (2.0, 3.0)
    """Seconds, shortest and longest; a batch has one length, shorter recordings are taken whole."""
    speeds: tuple[float, ...] = ()
    """Speeds, as in 0.9 and 1.1, at which every speaker is another one besides, in steps of 0.01."""
    collapse_cosine: float = 0.97
    """Mean cosine between different speakers above which embeddings say nothing; 1 never minds."""
    collapse_steps: int = 200
    """Steps on end above it after which the run stops."""

    def __post_init__(self) -> None:
        for name in ("together", "crops", "collapse_steps"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name}: {getattr(self, name)} is not above 0")
        if isinstance(self.loss, TripletConfig) and self.together < 2:
            raise RecipeError(
                f"together: {self.together}, but a triplet has two crops of its speaker; want 2 or more"
            )
        if not 0 < self.crop_s[0] <= self.crop_s[1]:
            raise RecipeError(f"crop_s: {list(self.crop_s)} are not two lengths, the shorter first")
        if not -1.0 < self.collapse_cosine <= 1.0:
            raise RecipeError(f"collapse_cosine: {self.collapse_cosine} is not in (-1, 1]")
        steps = self.speed_steps
        if len(set(steps)) != len(steps) or not all(-50 <= step <= 100 for step in steps[1:]):
            raise RecipeError(
                f"speeds: {list(self.speeds)} are not different speeds from 0.5 to 2; 1 is always there"
            )

    @property
    def speed_steps(self) -> tuple[int, ...]:
        """Changes of speed in per cent; the first is none."""
        return (0, *(round(100 * speed) - 100 for speed in self.speeds))
