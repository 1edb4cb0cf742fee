"""What the rows of a folder of conversions come to."""

from __future__ import annotations

import pytest

from converted_rows import SCORED, row
from sonant.converting import figures


def test_the_means_that_matter() -> None:
    found = figures.means(SCORED)
    assert found["cosine_target"] == pytest.approx(0.645)
    assert found["accept_rate"] == 0.5
    assert found["accept_rate_unconverted"] == 0.0
    assert found["f0_from_target_semitones"] == 0.0
    assert found["f0_unconverted_from_target_semitones"] == pytest.approx(12.0)
    assert found["words_kept"] == 0.9
    moved = found["moved_to_target"]
    assert moved["mean"] == pytest.approx(0.445)
    assert moved["low"] < 0.445 < moved["high"]
    assert moved["p_value"] < 0.01


def test_what_was_not_measured_is_left_out() -> None:
    assert figures.means([row(1), row(2)]) == {}
    assert figures.moved_to_target([row(1)]) is None
