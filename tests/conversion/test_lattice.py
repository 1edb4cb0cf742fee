"""The two numbers of each stretch, and the lattices that a key lays over them."""

from __future__ import annotations

import numpy as np
import pytest

from converters import voice
from sonant.conversion import lattice, payload
from sonant.conversion.lattice import BINS, PERIOD, SAY, STEP, WINDOW
from sonant.conversion.payload import BITS, Payload

SPOKEN = voice(130.0, seconds=2.0).astype(np.float64)


def numbers(samples: lattice.Floats, key: str = "k") -> lattice.Floats:
    return lattice.numbers(lattice.spectra(lattice.stretches(samples)), lattice.signs(key))


def test_loudness_changes_no_number() -> None:
    np.testing.assert_allclose(numbers(0.01 * SPOKEN), numbers(SPOKEN), atol=1e-9)


def test_each_number_weighs_as_many_levels_up_as_down() -> None:
    signs = lattice.signs("k")
    assert signs.shape == (BINS, 2)
    np.testing.assert_allclose(signs.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(signs.T @ signs, np.eye(2), atol=1e-12)


def test_another_key_has_other_signs_and_places() -> None:
    assert not np.array_equal(lattice.signs("k"), lattice.signs("l"))
    assert not np.array_equal(lattice.places("k"), lattice.places("l"))


def test_a_key_means_the_same_in_every_version() -> None:
    # Files that are marked today have to be found in years.
    assert lattice.places("sonant")[:2].round(6).tolist() == PLACES
    assert np.flatnonzero(lattice.signs("sonant")[:12, 0] > 0).tolist() == UP


PLACES = [[0.831029, 0.121228], [0.487946, 0.822305]]
UP = [2, 6, 9]


def test_the_nearest_point_is_half_a_step_away_at_most() -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((50, 2))
    points = lattice.nearest(values, lattice.marked_lattices(50, np.zeros(BITS, int), "k"))
    assert np.abs(points - values).max() <= STEP / 2
    from_places = (points - lattice.places("k")[:50]) / STEP
    np.testing.assert_allclose(from_places, np.rint(from_places), atol=1e-9)


def test_a_one_moves_the_second_number_by_half_a_step() -> None:
    bits = payload.to_bits(Payload.of("ff00f"))
    moved = lattice.marked_lattices(2 * PERIOD, bits, "k") - np.tile(lattice.places("k"), (2, 1))
    np.testing.assert_allclose(moved[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(moved[:BITS, SAY], bits * STEP / 2, atol=1e-12)
    np.testing.assert_allclose(moved[BITS : 2 * BITS, SAY], moved[:BITS, SAY], atol=1e-12)


@pytest.mark.parametrize(
    ("length", "whole", "count"), [(0, True, 0), (1, False, 1), (2047, True, 1)]
)
def test_a_sound_is_cut_into_stretches(length: int, whole: bool, count: int) -> None:
    assert lattice.stretches(np.ones(length), whole=whole).shape == (count, WINDOW)
