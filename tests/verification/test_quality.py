"""The worse side of a trial says how far it can be trusted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sonant.verification.quality import MEASURES, of_pairs


def test_the_lesser_side_counts_and_seconds_as_their_logarithm() -> None:
    left = {"speech_s": [1.0, 4.0], "snr_db": [30.0, 5.0], "norm": [9.0, 7.0]}
    right = {"speech_s": [2.0, 3.0], "snr_db": [10.0, 50.0], "norm": [8.0, 11.0]}
    found = of_pairs(left, right)
    assert found["speech_s"] == pytest.approx([0.0, math.log(3)])
    assert found["snr_db"].tolist() == [10.0, 5.0]
    assert found["norm"].tolist() == [8.0, 7.0]
    for name in MEASURES:
        assert np.array_equal(found[name], of_pairs(right, left)[name])


def test_silence_stays_finite() -> None:
    found = of_pairs({"speech_s": 0.0, "snr_db": -math.inf}, {"speech_s": 3.0, "snr_db": 9.0})
    assert math.isfinite(found["speech_s"])
    assert found["snr_db"] == -20.0


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ({"norm": 1.0}, {}, "norm on the left and nothing on the right"),
        ({"loudness": 1.0}, {"loudness": 1.0}, "want the same of speech_s, snr_db, norm"),
        ({"norm": [math.nan]}, {"norm": [1.0]}, "norm holds a value that is no number"),
    ],
)
def test_measures_that_do_not_fit_are_refused(
    left: dict[str, float], right: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        of_pairs(left, right)
