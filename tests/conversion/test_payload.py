"""What the mark in the sound says, as bits and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.conversion import payload
from sonant.conversion.payload import BITS, Payload


@given(st.binary(min_size=32, max_size=32))
def test_the_start_of_a_digest_comes_back(digest: bytes) -> None:
    says = Payload.of(digest.hex())
    bits = payload.to_bits(says)
    assert bits.shape == (BITS,)
    assert payload.from_bits(bits) == says
    assert says.model == digest.hex()[:5]


@pytest.mark.parametrize("wrong", range(BITS))
def test_a_single_wrong_bit_is_noticed(wrong: int) -> None:
    bits = payload.to_bits(Payload.of("0123456789abcdef"))
    bits[wrong] ^= 1
    assert payload.from_bits(bits) is None


def test_random_bits_say_nothing() -> None:
    random = np.random.default_rng(0)
    said = [payload.from_bits(random.integers(0, 2, BITS)) for _ in range(500)]
    assert sum(one is not None for one in said) <= 1


def test_a_mark_of_another_version_is_not_read() -> None:
    assert payload.from_bits(payload.to_bits(Payload(model="00000", version=9))) is None
