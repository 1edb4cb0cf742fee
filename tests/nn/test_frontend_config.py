"""Settings of the front end that cannot be meant are refused by name."""

from __future__ import annotations

import pytest

from sonant.errors import RecipeError
from sonant.nn.frontend_config import FRONT_ENDS, SpectrogramConfig


def test_the_transform_defaults_to_the_power_of_two_that_holds_the_window() -> None:
    lengths = {255: 256, 256: 256, 257: 512, 640: 1024, 1: 1}
    for window, fft in lengths.items():
        assert SpectrogramConfig(window_length=window).fft == fft
    assert SpectrogramConfig(window_length=400, fft_length=400).fft == 400


@pytest.mark.parametrize(
    ("kind", "settings", "named"),
    [
        ("spectrogram", {"window_length": 0}, "window_length"),
        ("spectrogram", {"hop_length": -1}, "hop_length"),
        ("spectrogram", {"window_length": 300, "fft_length": 256}, "fft_length"),
        ("spectrogram", {"top_db": 80.0}, "top_db"),
        ("spectrogram", {"top_db": -1.0, "log": "db"}, "top_db"),
        ("spectrogram", {"floor": 0.0}, "floor"),
        ("spectrogram", {"resize": (0, 32)}, "resize"),
        ("spectrogram", {"pre_emphasis": 1.0}, "pre_emphasis"),
        ("log_mel", {"mels": 0}, "mels"),
        ("log_mel", {"min_hz": 4000.0, "max_hz": 300.0}, "max_hz"),
        ("mfcc", {"coefficients": 41}, "coefficients"),
        ("mfcc", {"coefficients": 0}, "coefficients"),
        ("mfcc", {"resize": (20, -1)}, "resize"),
        ("raw", {"frame_length": 0}, "frame_length"),
        ("raw", {"hop_length": 0}, "hop_length"),
        ("raw", {"pre_emphasis": -0.1}, "pre_emphasis"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(
    kind: str, settings: dict[str, object], named: str
) -> None:
    with pytest.raises(RecipeError, match=named):
        FRONT_ENDS[kind](**settings)
