"""Embeddings made unit vectors, bytes, and vectors again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sonant.errors import StoreError
from sonant.speakers.vectors import centre, digest, packed, stacked, units, unpacked
from voices import voice

NUMBERS = st.floats(-100, 100, width=32)


@given(arrays(np.float32, (3, 5), elements=NUMBERS))
def test_directions_are_kept_and_lengths_are_one(values: np.ndarray) -> None:
    if np.linalg.norm(values.astype(float), axis=1).min() < 1e-3:
        return
    found = units(values)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    lengths = np.linalg.norm(values.astype(float), axis=1, keepdims=True)
    np.testing.assert_allclose(found * lengths, values, atol=1e-4)
    # Once more changes no bit, and so neither does a journey through a file.
    np.testing.assert_array_equal(units(found), found)
    np.testing.assert_array_equal(unpacked(packed(found[0])), found[0])
    np.testing.assert_array_equal(stacked([packed(one) for one in found]), found)


def test_the_complaint_names_the_embedding_without_a_direction() -> None:
    rows = voice(1).copy()
    rows[2] = 0
    with pytest.raises(StoreError, match="embedding 2 has no direction"):
        units(rows)
    rows[1] = np.inf
    with pytest.raises(StoreError, match="embedding 1 has no direction"):
        units(rows)


def test_the_middle_of_opposites_is_nowhere() -> None:
    np.testing.assert_allclose(centre(voice(1)[:1]), voice(1)[0], atol=1e-7)
    with pytest.raises(StoreError, match="opposite directions"):
        centre(np.stack([voice(1)[0], -voice(1)[0]]))


def test_equal_vectors_share_a_digest_and_others_do_not() -> None:
    assert digest(voice(1)[0]) == digest(voice(1)[0].copy())
    assert digest(voice(1)[0]) != digest(voice(1)[1])
