"""What only the training of a vocoder has: the `[vocoding]` table of a recipe. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sonant.errors import RecipeError
from sonant.nn.critics_config import CriticsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class VocodingConfig:
    """What a step hears, and what vocoder and critics minimise."""

    segment: int = 16_384
    """Samples of a segment; a step hears `fit.batch` of them."""
    segments: int = 0
    """Segments in an epoch; 0 takes as many as the recordings hold side by side."""
    sizes: tuple[int, ...] = (2048, 512, 256)
    """Points of the transforms at which spectra are compared; multiples of 4."""
    level_weight: float = 5.0
    """Of the distance of the magnitudes that the vocoder gives every bin, whatever its sound has of them."""
    mel_weight: float = 15.0
    """Of the distance of log mel magnitudes."""
    spectral_weight: float = 2.5
    """Of the distance of spectra."""
    level_steps: int = 0
    """First steps, in which magnitudes alone are learned and no sound is made: they are quick."""
    warm_up_steps: int = 2000
    """Steps before critics join: until then only distances count. As long as the run: they never do."""
    critics: CriticsConfig = field(default_factory=CriticsConfig)
    """Who listens."""
    rule: Literal["hinge", "least_squares"] = "hinge"
    """What critics make of their scores."""
    critic_rate: float = 2e-4
    """Their learning rate; it follows the schedule of `fit`."""
    pleasing_weight: float = 1.0
    """Of what critics think of the vocoder."""
    likeness_weight: float = 2.0
    """Of the distance of what their layers give."""
    validation_s: float = 4.0
    """Seconds from the middle of each recording that the vocoder is judged by."""

    def __post_init__(self) -> None:
        for name in (
            "segments", "level_steps", "warm_up_steps", "level_weight", "mel_weight",
            "spectral_weight", "pleasing_weight", "likeness_weight",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise RecipeError(f"{name}: {getattr(self, name)} is below 0")
        for name in ("critic_rate", "validation_s"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name}: {getattr(self, name)} is not above 0")
        if not self.level_weight + self.mel_weight + self.spectral_weight:
            raise RecipeError(
                "level_weight, mel_weight, spectral_weight: all are 0; nothing says what to sound like"
            )
        if not self.sizes or any(size < 4 or size % 4 for size in self.sizes):
            raise RecipeError(
                f"sizes: {list(self.sizes)} are not multiples of 4, as in [2048, 512]"
            )
        if self.segment < 2 * max(self.sizes):
            raise RecipeError(
                f"segment: {self.segment} samples are less than two transforms of {max(self.sizes)}; "
                f"take longer segments, or shorter transforms in sizes"
            )
        self._check_stages()

    def _check_stages(self) -> None:
        if self.level_steps and not self.level_weight:
            raise RecipeError("level_steps: with level_weight = 0 nothing is learned in them")
        if self.level_steps > self.warm_up_steps:
            raise RecipeError(
                f"level_steps: {self.level_steps} are more than warm_up_steps = {self.warm_up_steps}; "
                f"critics would listen to what is no sound yet"
            )

    @property
    def weights(self) -> dict[str, float]:
        """What each part of a vocoder's loss weighs."""
        return {
            "level": self.level_weight,
            "mel": self.mel_weight,
            "spectral": self.spectral_weight,
            "pleasing": self.pleasing_weight,
            "likeness": self.likeness_weight,
        }
