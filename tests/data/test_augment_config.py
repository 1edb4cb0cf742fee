"""Settings that make no sense are refused by name; the rest can be read in one line."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sonant.data.augment_config import AugmentConfig, describe
from sonant.errors import RecipeError

BAD = [
    ("shift_ms", -1.0),
    ("shift_ms", math.nan),
    ("speed", -0.1),
    ("speed", 0.6),
    ("speed", 0.004),
    ("pitch_semitones", -2.0),
    ("pitch_semitones", 25.0),
    ("mixup_alpha", -0.2),
    ("mixup_alpha", math.inf),
    ("noise_probability", 1.01),
    ("noise_probability", -0.1),
    ("pitch_probability", 2.0),
    ("rir_probability", 80.0),
    ("mixup_probability", -1.0),
    ("noise_snr_db", (20.0, 0.0)),
    ("noise_snr_db", (0.0, math.nan)),
    ("noise_volume", (0.2, 0.1)),
    ("noise_volume", (-0.1, 0.1)),
    ("gain_db", (6.0, -6.0)),
    ("gain_db", (-6.0, math.inf)),
    ("time_masks", -1),
    ("time_mask_frames", -1),
    ("freq_masks", -1),
    ("freq_mask_bins", -1),
    ("cutouts", -1),
    ("cutout_frames", -1),
    ("cutout_bins", -1),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_bad_value_is_refused_by_its_field(field: str, value: Any) -> None:
    settings: dict[str, Any] = {field: value}
    with pytest.raises(RecipeError, match=f"^{field}: "):
        AugmentConfig(**settings)


def test_a_range_of_three_is_refused() -> None:
    settings: dict[str, Any] = {"gain_db": (0.0, 1.0, 2.0)}
    with pytest.raises(RecipeError, match=r"gain_db: .*two numbers"):
        AugmentConfig(**settings)


def test_a_folder_is_not_looked_for_when_a_recipe_is_read() -> None:
    assert AugmentConfig(noise="/not/there").noise == "/not/there"


def test_nothing_is_on_by_itself() -> None:
    assert describe(AugmentConfig()) == "none"


def test_each_effect_that_is_on_is_described() -> None:
    config = AugmentConfig(
        shift_ms=100.0,
        noise="noises",
        noise_snr_db=(0.0, 20.0),
        gain_db=(-6.0, 6.0),
        speed=0.15,
        pitch_semitones=2.0,
        rir="rooms",
        mixup_alpha=0.2,
        time_masks=2,
        freq_masks=1,
        cutouts=3,
    )
    assert describe(config) == (
        "pitch ±2 semitones (on 50 % of clips), speed ±15 %, rooms from rooms (on 50 % of clips), "
        "shift ±100 ms, gain -6 to 6 dB, noise from noises at 0 to 20 dB SNR (on 80 % of clips), "
        "mixup alpha 0.2 (on 100 % of clips), 2 time masks up to 10 frames, "
        "1 frequency masks up to 5 bins, 3 cutouts up to 10 frames x 5 bins"
    )


def test_noise_without_a_ratio_is_described_by_its_volume() -> None:
    assert "noise from n at volume 0 to 0.1" in describe(AugmentConfig(noise="n"))


def test_an_effect_without_probability_or_size_is_not_on() -> None:
    config = AugmentConfig(noise="n", noise_probability=0.0, time_masks=2, time_mask_frames=0)
    assert describe(config) == "none"
