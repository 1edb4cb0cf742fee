"""The `[speaker]` table: what it refuses."""

from __future__ import annotations

import pytest

from sonant.data.speaker_config import SpeakerConfig
from sonant.errors import RecipeError
from sonant.nn.losses_config import TripletConfig


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"together": 0}, "together"),
        ({"crops": 0}, "crops"),
        ({"crop_s": (2.0, 1.0)}, "crop_s"),
        ({"crop_s": (0.0, 1.0)}, "crop_s"),
        ({"speeds": (1.0,)}, "speeds"),
        ({"speeds": (0.9, 0.9)}, "speeds"),
        ({"speeds": (3.0,)}, "speeds"),
        ({"collapse_cosine": 2.0}, "collapse_cosine"),
        ({"collapse_steps": 0}, "collapse_steps"),
        ({"loss": TripletConfig(), "together": 1}, "together"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(RecipeError, match=named):
        SpeakerConfig(**changes)  # type: ignore[arg-type]


def test_speeds_are_whole_per_cents_beside_the_own() -> None:
    assert SpeakerConfig(speeds=(0.9, 1.1)).speed_steps == (0, -10, 10)
