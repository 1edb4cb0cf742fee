"""The settings of a vocoder's training refuse what makes no sense, by name."""

from __future__ import annotations

from typing import Any

import pytest

from sonant.data.vocoding_config import VocodingConfig
from sonant.errors import RecipeError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"segment": 3000}, "3000 samples are less than two transforms of 2048"),
        ({"sizes": ()}, "are not multiples of 4"),
        ({"sizes": (510,)}, r"\[510\] are not multiples of 4"),
        ({"mel_weight": -1.0}, "mel_weight: -1.0 is below 0"),
        (
            {"level_weight": 0.0, "mel_weight": 0.0, "spectral_weight": 0.0},
            "nothing says what to sound like",
        ),
        ({"level_steps": 10, "level_weight": 0.0}, "nothing is learned in them"),
        ({"level_steps": 10, "warm_up_steps": 9}, "10 are more than warm_up_steps = 9"),
        ({"warm_up_steps": -1}, "warm_up_steps: -1 is below 0"),
        ({"critic_rate": 0.0}, "critic_rate: 0.0 is not above 0"),
        ({"validation_s": 0.0}, "validation_s: 0.0 is not above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        VocodingConfig(**settings)


def test_the_defaults_stand() -> None:
    assert VocodingConfig().segment == 64 * 256
