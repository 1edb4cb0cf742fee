"""Settings of the front end that cannot be meant are refused by name."""

from __future__ import annotations

import pytest

from sonant.errors import RecipeError
from sonant.nn.frontend_config import (
    FRONT_ENDS,
    FrontEndConfig,
    MicroConfig,
    RawConfig,
    SpectrogramConfig,
    span_of,
    streams,
)


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
        ("micro", {"window_length": 0}, "window_length"),
        ("micro", {"pre_emphasis": 1.0}, "pre_emphasis"),
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


@pytest.mark.parametrize(
    ("config", "span"),
    [
        (SpectrogramConfig(fft_length=512), (255, 128)),
        (MicroConfig(), (480, 160)),
        (RawConfig(), (1, 1)),
        (RawConfig(frame_length=400), (400, 400)),
        (RawConfig(frame_length=400, hop_length=160), (400, 160)),
    ],
)
def test_every_kind_has_a_window_and_a_hop(config: FrontEndConfig, span: tuple[int, int]) -> None:
    assert span_of(config) == span


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_every_kind_can_be_set_to_stream(name: str) -> None:
    settings = {"centre": False} if name == "log_mel" else {}
    assert streams(FRONT_ENDS[name](**settings)) is None
    assert "resize" in str(streams(FRONT_ENDS[name](resize=(8, 8), **settings)))
