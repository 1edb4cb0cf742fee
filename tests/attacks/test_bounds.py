"""Bounds: nothing leaves them, and what is inside already stays as it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from linear_victim import SAMPLES, clips
from sonant.attacks.bounds import Bound, snr_db
from sonant.errors import SonantError

BOUNDS = st.builds(
    Bound,
    epsilon=st.none() | st.floats(1e-4, 0.5),
    snr_db=st.floats(-5, 40),
)


@given(BOUNDS, st.floats(0.001, 3.0), st.integers(0, 9))
def test_whatever_is_tried_stays_inside(bound: Bound, loudness: float, seed: int) -> None:
    clean = clips(level=0.3).clamp(-1, 1)
    lengths = torch.tensor([SAMPLES, 100, 1, 300])
    changed = bound.inside(clean + loudness * clips(seed=seed, level=1.0), clean, lengths)
    assert changed.abs().max() <= 1.0
    noise = changed - clean
    if bound.epsilon is not None:
        assert noise.abs().max() <= bound.epsilon + 1e-6
    assert bound.snr_db is not None
    assert (snr_db(clean, changed) >= bound.snr_db - 1e-2).all()
    for row, length in zip(noise, lengths, strict=True):
        assert not row[:, length:].any()


def test_what_is_inside_is_left_alone() -> None:
    clean = clips()
    changed = clean + 1e-4 * torch.sign(clips(seed=5))
    bound = Bound(epsilon=0.001, snr_db=20.0)
    torch.testing.assert_close(bound.inside(changed, clean), changed)


def test_an_snr_is_that_of_speech_against_change() -> None:
    clean = clips()
    assert snr_db(clean, clean * 1.1).tolist() == pytest.approx([20.0] * 4, abs=1e-2)
    assert snr_db(clean, clean).isinf().all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epsilon": None}, "without any, all is possible"),
        ({"epsilon": 0.0}, "not in"),
        ({"epsilon": -1.0}, "not in"),
        ({"snr_db": float("nan")}, "no number of decibels"),
    ],
)
def test_a_bound_that_bounds_nothing_is_refused(settings: dict[str, float], words: str) -> None:
    with pytest.raises(SonantError, match=words):
        Bound(**settings)
