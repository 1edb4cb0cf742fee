"""Settings of the front end for utterances."""

from __future__ import annotations

from typing import Any

import pytest

from sonant.errors import RecipeError
from sonant.nn.utterance_config import UTTERANCES, DeepSpeakerFeaturesConfig, UtteranceConfig


def test_the_defaults_are_64_mels_of_25_and_10_ms_at_16_khz() -> None:
    for kind in UTTERANCES.values():
        config = kind()
        assert (config.window_length, config.hop_length, config.mels) == (400, 160, 64)
        assert config.fft == 512


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mels": 0}, "mels: 0 is not above 0"),
        ({"hop_length": 0}, "hop_length: 0"),
        ({"window_length": -1}, "window_length: -1"),
        ({"pre_emphasis": 1.0}, "pre_emphasis: 1.0 is not in"),
    ],
)
@pytest.mark.parametrize("kind", [UtteranceConfig, DeepSpeakerFeaturesConfig])
def test_settings_that_make_no_features_are_refused(
    kind: type[UtteranceConfig | DeepSpeakerFeaturesConfig], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        kind(**change)


def test_a_band_and_a_floor_that_are_none_are_refused() -> None:
    with pytest.raises(RecipeError, match="no band of frequencies"):
        UtteranceConfig(min_hz=4000, max_hz=3000)
    with pytest.raises(RecipeError, match="floor: 0"):
        UtteranceConfig(floor=0.0)
