"""Mel scales, filter banks and the cosine transform, against formulas and known points."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.nn.mel import Array, Scale, cosine_transform, filter_bank, hz_from_mel, mel_from_hz


def bank(**changes: object) -> Array:
    settings: dict[str, object] = {
        "fft_length": 512, "rate_hz": 16_000, "min_hz": 100.0, "max_hz": 7000.0, "scale": "htk",
        "norm": "none", "slopes": "hz",
    }  # fmt: skip
    return filter_bank(20, **(settings | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scale", "hz", "mel"),
    [("htk", 0.0, 0.0), ("htk", 1000.0, 999.9855), ("htk", 8000.0, 2840.0230),
     ("slaney", 200.0, 3.0), ("slaney", 1000.0, 15.0), ("slaney", 6400.0, 42.0)],
)  # fmt: skip
def test_the_scales_pass_through_their_known_points(scale: Scale, hz: float, mel: float) -> None:
    assert mel_from_hz(np.array([hz]), scale) == pytest.approx(mel, rel=1e-6)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_hertz_to_mel_and_back_is_the_same_frequency(scale: Scale) -> None:
    hz = np.linspace(0, 11_025, 500)
    np.testing.assert_allclose(hz_from_mel(mel_from_hz(hz, scale), scale), hz, atol=1e-9)


def test_between_the_outer_centres_neighbouring_filters_share_each_bin_fully() -> None:
    for slopes in ("hz", "mel"):
        weights = bank(slopes=slopes).sum(axis=1)
        inside = slice(weights.argmax() + 3, 180)
        np.testing.assert_allclose(weights[inside], 1.0)
    assert bank().max() <= 1.0
    assert (bank() >= 0.0).all()


def test_nothing_outside_the_band_is_heard() -> None:
    hz = np.arange(257) * 16_000 / 512
    heard = hz[bank(min_hz=1000.0, max_hz=3000.0).any(axis=1)]
    assert heard.min() > 1000.0
    assert heard.max() < 3000.0


def test_slaney_filters_have_an_area_of_one_hertz_each() -> None:
    areas = bank(norm="slaney", fft_length=1 << 16).sum(axis=0) * 16_000 / (1 << 16)
    np.testing.assert_allclose(areas, 1.0, rtol=1e-4)


def test_the_cosine_transform_is_orthonormal_and_sorts_by_ripple() -> None:
    matrix = cosine_transform(40, 40)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(40), atol=1e-12)
    np.testing.assert_allclose(np.ones(40) @ matrix[:, :3], [np.sqrt(40), 0, 0], atol=1e-12)
    np.testing.assert_array_equal(cosine_transform(40, 20), matrix[:, :20])
