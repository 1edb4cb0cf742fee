"""Settings of the front ends of spoof detectors."""

from __future__ import annotations

from typing import Any

import pytest

from sonant.errors import RecipeError
from sonant.nn.spoof_features_config import SPOOF_FEATURES, LfccConfig, SincConfig


def test_a_frame_has_the_cepstra_their_change_and_the_change_of_that() -> None:
    assert LfccConfig().bins == 60
    assert SincConfig().bins == 70
    assert (SincConfig().window_length, SincConfig().hop_length) == (129, 1)


def test_every_front_end_has_a_name() -> None:
    assert {"lfcc": LfccConfig, "sinc": SincConfig} == SPOOF_FEATURES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_length": 0}, "hop_length: 0"),
        ({"fft_length": 256}, "fft_length: 256 points are fewer"),
        ({"pre_emphasis": 1.0}, "pre_emphasis"),
        ({"floor": 0.0}, "floor"),
        ({"max_hz": -1.0}, "max_hz"),
    ],
)
def test_settings_that_make_no_cepstra_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        LfccConfig(**change)


@pytest.mark.parametrize("change", [{"filters": 0}, {"taps": 128}, {"taps": 0}])
def test_settings_that_make_no_filters_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(RecipeError, match=next(iter(change))):
        SincConfig(**change)
