"""DET plots on the scale of normal deviates."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from sonant.plots import DARK
from sonant.plots.error_tradeoff import deviates, error_tradeoff
from sonant.verification.rates import Curve, det


def curve(apart: float) -> Curve:
    same = np.arange(400) % 2 == 0
    quantiles = [NormalDist().inv_cdf((n + 0.5) / 200) for n in range(200)]
    return det(np.repeat(quantiles, 2) + apart * same, same)


def test_the_same_curves_give_the_same_picture_and_others_another() -> None:
    picture = error_tradeoff({"one": curve(2)}, marks={"one": 0.16})
    assert picture.startswith(b"\x89PNG")
    assert picture == error_tradeoff({"one": curve(2)}, marks={"one": 0.16})
    assert picture != error_tradeoff({"one": curve(1)}, marks={"one": 0.16})
    assert picture != error_tradeoff({"one": curve(2)}, marks={"one": 0.2})
    assert picture != error_tradeoff({"one": curve(2)}, marks={"one": 0.16}, theme=DARK)


def test_gaussian_scores_lie_on_a_straight_line() -> None:
    found = curve(2)
    inner = (found.misses > 0.02) & (found.alarms > 0.02)
    sums = deviates(found.misses[inner]) + deviates(found.alarms[inner])
    assert sums == pytest.approx(np.full(inner.sum(), -2.0), abs=0.1)


def test_systems_without_errors_useless_ones_and_none_can_be_drawn() -> None:
    perfect = det([0.0, 1.0], [0, 1])
    useless = det([1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1])
    curves = {
        "perfect": perfect,
        "useless": useless,
        "third": curve(1),
        "fourth": curve(3),
        "fifth": curve(2),
    }
    marks = {"perfect": 0.0, "useless": 0.5}
    assert error_tradeoff(curves, marks=marks).startswith(b"\x89PNG")
    assert error_tradeoff({}, marks={}).startswith(b"\x89PNG")
