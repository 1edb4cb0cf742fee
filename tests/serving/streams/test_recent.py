"""What a connection keeps of its sound, so that it can be asked who spoke."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sonant.serving.streams.hub import AHEAD_S
from sonant.serving.streams.recent import KEPT_S, MOST_ASKED, SPAN_S, Recent, bytes_of

RATE_HZ = 1000
LONG = (np.arange(9 * RATE_HZ) % 30_000).astype("<i2")
"""Every sample of it says which one it is."""


def pushed(sizes: list[int], *, as_floats: bool = False) -> Recent:
    recent, start = Recent(rate_hz=RATE_HZ), 0
    for size in sizes:
        part = LONG[start : start + size]
        data = part.astype("<f4") / 32768 if as_floats else part
        recent.push(data.tobytes(), is_float=as_floats)
        start += size
    return recent


@given(
    sizes=st.lists(st.integers(0, 1000), min_size=1, max_size=9),
    back=st.integers(0, round((KEPT_S - SPAN_S) * RATE_HZ)),
    as_floats=st.booleans(),
)
def test_the_moments_before_a_time_are_there_however_they_came(
    sizes: list[int], back: int, as_floats: bool
) -> None:
    stop = max(0, sum(sizes) - back)
    found = pushed(sizes, as_floats=as_floats).until(stop / RATE_HZ)
    wanted = LONG[max(0, stop - round(SPAN_S * RATE_HZ)) : stop]
    np.testing.assert_array_equal(found * 32768, wanted)


def test_what_is_over_long_ago_or_did_not_come_yet_is_nothing_new() -> None:
    recent = pushed([1000] * 9)
    assert len(recent.until(0.5)) == 0
    assert recent.until(99.0)[-1] * 32768 == LONG[-1]


def test_no_more_is_kept_than_is_counted() -> None:
    recent = pushed([700] * 12)
    assert len(recent._kept) == 2 * round(KEPT_S * RATE_HZ)
    clips = 4 * MOST_ASKED * round(SPAN_S * RATE_HZ)
    assert bytes_of(RATE_HZ) == len(recent._kept) + clips


def test_a_client_that_sends_ahead_does_not_push_the_phrase_out() -> None:
    longest_message_s = 1.0
    assert SPAN_S + AHEAD_S + longest_message_s < KEPT_S
