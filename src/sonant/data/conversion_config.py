"""What only the training of a voice converter has: the `[conversion]` table of a recipe. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionConfig:
    """What a step hears, and what it minimises besides the distance to what it heard."""

    segment_frames: int = 128
    """Frames of a training segment; shorter recordings are taken whole."""
    crops: int = 200
    """Segments of every speaker in an epoch, however many recordings there are."""
    speaker: str = ""
    """A bundle of speakers that says whom a conversion sounds like; empty trains without one."""
    speaker_weight: float = 1.0
    """What a conversion's distance from its target's voice counts, where there is such a bundle."""
    speaker_epochs: int = 0
    """Epochs before that counts: a fresh network has no voice to judge."""

    def __post_init__(self) -> None:
        if self.segment_frames < 2:
            raise RecipeError(
                f"segment_frames: {self.segment_frames}, but a segment has halves; want 2 or more"
            )
        if self.crops < 1:
            raise RecipeError(f"crops: {self.crops} is not above 0")
        if not 0 < self.speaker_weight < math.inf:
            raise RecipeError(
                f"speaker_weight: {self.speaker_weight} is not above 0; to train without, leave out "
                "conversion.speaker"
            )
        if self.speaker_epochs < 0:
            raise RecipeError(f"speaker_epochs: {self.speaker_epochs} is below 0")
