"""Windows that cover something long, and their answers laid over each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.conversion import seams


@settings(deadline=None)
@given(st.integers(0, 3000), st.integers(2, 400), st.integers(0, 399), st.integers(0, 2**32 - 1))
def test_windows_cover_all_and_join_to_what_they_were_cut_from(
    length: int, window: int, overlap: int, seed: int
) -> None:
    overlap = min(overlap, window - 1)
    whole = np.random.default_rng(seed).standard_normal((2, length)).astype(np.float32)
    spans = seams.spans(length, window=window, overlap=overlap)
    assert all(span.length <= window for span in spans)
    assert (spans[0].start, spans[-1].stop) == (0, length)
    for one, other in itertools.pairwise(spans):
        assert one.stop - other.start == overlap
    parts = [whole[:, span.start : span.stop] for span in spans]
    # A sample is a sum of up to some hundred parts in 32 bits.
    np.testing.assert_allclose(seams.joined(parts, spans), whole, atol=1e-5)
    sounds = seams.joined_sound([part[0] for part in parts], spans)
    np.testing.assert_allclose(sounds, whole[0], atol=1e-5)


def test_windows_are_alike_in_size() -> None:
    lengths = [span.length for span in seams.spans(1010, window=100, overlap=10)]
    assert max(lengths) - min(lengths) <= 1


def test_windows_that_share_all_are_refused() -> None:
    with pytest.raises(ValueError, match="want fewer shared"):
        seams.spans(100, window=10, overlap=10)


def test_a_seam_between_unlike_sounds_is_as_loud_as_they_are() -> None:
    random = np.random.default_rng(0)
    spans = seams.spans(8000, window=5000, overlap=2000)
    parts = [random.standard_normal(span.length).astype(np.float32) for span in spans]
    whole = seams.joined_sound(parts, spans)
    seam = whole[spans[1].start : spans[0].stop]
    assert np.square(seam).mean() == pytest.approx(1.0, abs=0.15)
    # A straight fade of the same two is a third quieter.
    straight = seams.joined(parts, spans)[spans[1].start : spans[0].stop]
    assert np.square(straight).mean() == pytest.approx(2 / 3, abs=0.1)
