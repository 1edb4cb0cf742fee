"""The text of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sonant.serving.rest.decimals import FEW, decimal, decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"), (1 / 3, "0.333333343"), (1e6, "1e+06"), (16777216, "16777216.0"),
        (3e-5, "3e-05"), (0, "0.0"), (-0.0, "-0.0"), (1234567, "1234567.0"), (999999, "999999.0"),
        (123456.7, "123456.703"), (3.4028235e38, "3.40282347e+38"), (1e-45, "1.4013e-45"),
    ],
)  # fmt: skip
def test_32_bits_have_six_digits_or_nine(value: float, text: str) -> None:
    assert decimal(value, single=True) == text
    assert decimals(np.full(FEW + 1, value, np.float32)) == [text] * (FEW + 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1 / 3, "0.33333333333333331"), (123456789.125, "123456789.125"), (1e15, "1e+15"),
     (math.pi, "3.1415926535897931")],
)  # fmt: skip
def test_64_bits_have_six_digits_or_seventeen(value: float, text: str) -> None:
    assert decimal(value, single=False) == text


def test_what_is_not_finite_is_a_bare_word_or_null() -> None:
    values = np.array([math.nan, math.inf, -math.inf], np.float32)
    assert decimals(values) == ["NaN", "Infinity", "-Infinity"]
    assert decimals(values, nan=False) == ["null"] * 3
    assert decimals(np.repeat(values, FEW), nan=False) == ["null"] * 3 * FEW


@pytest.mark.parametrize("width", [32, 64])
def test_many_are_written_as_one_by_one(width: int) -> None:
    draw = np.random.default_rng(7)
    kind = np.float32 if width == 32 else np.float64
    values = np.concatenate(
        [
            draw.random(3000),
            draw.standard_normal(3000) * 10.0 ** draw.integers(-40, 38, 3000),
            np.round(draw.random(3000), 4),
            np.arange(500) * 97.0,
            10.0 ** np.arange(-44, 38),
        ]
    ).astype(kind)
    assert decimals(values) == [decimal(one, single=width == 32) for one in values.tolist()]


@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), st.integers(0, 60)))
def test_the_text_gives_the_number_again(values: Any) -> None:
    again = np.array([float(text) for text in decimals(values)]).astype(values.dtype)
    np.testing.assert_array_equal(again, values)
