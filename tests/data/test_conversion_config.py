"""Settings of a converter's training that cannot be are refused by name."""

from __future__ import annotations

import pytest

from sonant.data.conversion_config import ConversionConfig
from sonant.errors import RecipeError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"segment_frames": 1}, "segment_frames: 1, but a segment has halves"),
        ({"crops": 0}, "crops: 0 is not above 0"),
        ({"speaker_weight": 0.0}, "speaker_weight: 0.0 .* leave out conversion.speaker"),
        ({"speaker_epochs": -1}, "speaker_epochs: -1 is below 0"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        ConversionConfig(**settings)  # type: ignore[arg-type]
