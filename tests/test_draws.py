"""Draws are well mixed, frozen for ever, and know nothing of batches."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from sonant import draws as module
from sonant.draws import Draws

MANY = np.arange(40_000)
GOLDEN: dict[str, Any] = {
    "uniform": [
        [0.31799599736550455, 0.3366514311145832],
        [0.34644505106185064, 0.5070720785965215],
        [0.23464355377986168, 0.09542882285320764],
    ],
    "integers": [-262, 609, 387],
    "normal": [1.2265594738901904, 0.3247356028874697, 0.6017197727952849],
    "beta": [0.06277839356558379, 0.04938999443777509, 0.9982770759167439],
}


def draw(*, seed: int = 1, epoch: int = 0, items: np.ndarray = MANY) -> Draws:
    return Draws(seed, epoch, items)


def correlation(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.corrcoef(left.ravel(), right.ravel())[0, 1])


def test_the_mixing_is_splitmix64() -> None:
    # The sequence for seed 1234567 that implementations of splitmix64 check themselves against.
    state, counter = module._word(1234567), np.arange(1, 6, dtype=np.uint64)
    assert module._absorb(state, counter).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_values_never_change() -> None:
    some = Draws(7, 3, np.array([0, 1, 123_456]))
    np.testing.assert_array_equal(some.uniform("place", size=2), GOLDEN["uniform"])
    np.testing.assert_array_equal(some.integers("shift", -1600, 1601)[:, 0], GOLDEN["integers"])
    np.testing.assert_allclose(some.normal("n")[:, 0], GOLDEN["normal"], rtol=1e-12)
    np.testing.assert_allclose(some.beta("m", 0.3, 0.3)[:, 0], GOLDEN["beta"], rtol=1e-9)


def test_another_process_draws_the_same() -> None:
    program = (
        "import numpy as np; from sonant.draws import Draws; "
        "print(Draws(7, 3, np.array([5])).uniform('gain')[0, 0].hex())"
    )
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert answer == float(Draws(7, 3, np.array([5])).uniform("gain")[0, 0]).hex()


def test_an_item_draws_the_same_alone_in_any_order_and_for_any_size() -> None:
    whole = draw().uniform("gain", size=4)
    assert np.array_equal(draw(items=MANY[::-1]).uniform("gain", size=4)[::-1], whole)
    assert np.array_equal(draw(items=np.array([17])).uniform("gain", size=4)[0], whole[17])
    assert np.array_equal(draw().uniform("gain"), whole[:, :1])
    beta = draw().beta("mix", 0.2, 0.2)
    assert np.array_equal(draw(items=np.array([17])).beta("mix", 0.2, 0.2)[0], beta[17])


def test_every_method_returns_items_by_size() -> None:
    some = draw(items=np.arange(3))
    for values in (
        some.uniform("a", size=2),
        some.normal("a", size=2),
        some.beta("a", 1, 2, size=2),
    ):
        assert values.shape == (3, 2)
        assert values.dtype == np.float64
    assert some.integers("a", 0, 9, size=2).dtype == np.int64
    assert some.chance("a", 0.5, size=2).dtype == np.bool_
    assert some.uniform("a", size=0).shape == (3, 0)
    assert draw(items=np.array([], np.int64)).normal("a").shape == (0, 1)


def test_uniform_has_the_moments_of_its_range() -> None:
    values = draw().uniform("gain", -6.0, 2.0)
    assert values.min() >= -6.0
    assert values.max() < 2.0
    assert values.mean() == pytest.approx(-2.0, abs=0.05)
    assert values.var() == pytest.approx(64 / 12, rel=0.02)


def test_uniform_fills_every_tenth_alike() -> None:
    counts, _ = np.histogram(draw().uniform("gain"), bins=10, range=(0, 1))
    chi_square = ((counts - 4000) ** 2 / 4000).sum()
    assert chi_square < 27.9  # 99.9 % of fair histograms with 9 degrees of freedom


def test_normal_has_its_moments() -> None:
    values = draw().normal("n", 3.0, 2.0)
    assert values.mean() == pytest.approx(3.0, abs=0.05)
    assert values.std() == pytest.approx(2.0, rel=0.02)
    assert (np.abs(values - 3.0) < 2.0).mean() == pytest.approx(0.6827, abs=0.01)


def test_integers_reach_both_ends_and_no_further() -> None:
    values = draw().integers("shift", -2, 3)
    assert np.unique(values).tolist() == [-2, -1, 0, 1, 2]
    assert np.bincount(values[:, 0] + 2) / len(MANY) == pytest.approx(0.2, abs=0.01)


def test_integers_take_limits_item_by_item() -> None:
    high = (MANY % 7 + 1)[:, None]
    values = draw().integers("position", 0, high)
    assert (values >= 0).all()
    assert (values < high).all()
    assert (values[high == 1] == 0).all()


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_chance_comes_as_often_as_it_says(p: float) -> None:
    assert draw().chance("noise", p).mean() == pytest.approx(p, abs=0.01 * (0 < p < 1))


@pytest.mark.parametrize(
    ("a", "b"), [(0.001, 0.001), (0.2, 0.2), (1.0, 1.0), (2.0, 5.0), (40.0, 40.0)]
)
def test_beta_has_its_moments(a: float, b: float) -> None:
    values = draw().beta("mix", a, b)
    assert values.min() >= 0
    assert values.max() <= 1
    assert values.mean() == pytest.approx(a / (a + b), abs=0.012)
    assert values.var() == pytest.approx(a * b / ((a + b) ** 2 * (a + b + 1)), rel=0.04)


def test_beta_one_one_is_uniform() -> None:
    values = np.sort(draw().beta("mix", 1.0, 1.0)[:, 0])
    assert np.abs(values - (MANY + 0.5) / len(MANY)).max() < 0.01


# 40,000 pairs: a correlation of 0.02 would be four standard deviations out.
def test_neighbouring_items_are_unrelated() -> None:
    values = draw().uniform("gain")
    for distance in (1, 2, 64, 100):
        assert abs(correlation(values[:-distance], values[distance:])) < 0.02


def test_neighbouring_slots_are_unrelated() -> None:
    values = draw().uniform("gain", size=3)
    assert abs(correlation(values[:, 0], values[:, 1])) < 0.02
    assert abs(correlation(values[:-1, 1], values[1:, 0])) < 0.02


def test_names_epochs_and_seeds_are_unrelated() -> None:
    values = draw().uniform("gain")
    others = [
        draw().uniform("gaim"),
        draw(epoch=1).uniform("gain"),
        draw(seed=2).uniform("gain"),
        draw(seed=0, epoch=1).uniform("gain"),
    ]
    for other in others:
        assert abs(correlation(values, other)) < 0.02
        assert not np.isin(values, other).any()


def test_equal_seed_and_epoch_do_not_cancel_out() -> None:
    firsts = {float(draw(seed=n, epoch=n, items=MANY[:1]).uniform("a")[0, 0]) for n in range(50)}
    assert len(firsts) == 50


@pytest.mark.parametrize("seed", [-1, 0, 2**63, 2**64 + 5])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert draw(seed=seed).uniform("a").mean() == pytest.approx(0.5, abs=0.01)
