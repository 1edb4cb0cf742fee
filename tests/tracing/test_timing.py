"""The arithmetic of time, against counting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.tracing.timing import Timeline, together

small = st.integers(0, 6)


def windows(frames: int, left: int, right: int, span: int, stride: int) -> list[range]:
    """Which input frames each window of a padded signal lies over."""
    starts = range(-left, frames + right - span + 1, stride)
    return [range(start, start + span) for start in starts]


@given(small, small, st.integers(1, 7), st.integers(1, 4), st.integers(10, 30))
def test_a_padded_window_comes_out_as_soon_as_its_last_frame_is_in(
    left: int, right: int, span: int, stride: int, frames: int
) -> None:
    line = Timeline(frames=frames).padded(left, right).windowed(span, stride)
    every = windows(frames, left, right, span, stride)
    assert line.frames == line.length(frames) == len(every)
    assert line.hop == stride
    # Frame j of the module is frame j + lag of the stream: all it needs has been heard, and one hop
    # sooner it had not, unless the stream would have had to answer before it began.
    newest = [window[-1] for window in every]
    heard = [(j + line.lag + 1) * stride - 1 for j in range(len(every))]
    assert all(need <= had for need, had in zip(newest, heard, strict=True))
    assert line.lag == 0 or newest[0] > heard[0] - stride
    assert (line.oldest, line.newest) == (every[0][0], every[0][-1])


@given(small, st.integers(1, 7), st.integers(1, 4), st.integers(0, 20), st.integers(0, 5))
def test_whole_blocks_may_be_left_out_of_a_length(
    left: int, span: int, stride: int, frames: int, blocks: int
) -> None:
    line = Timeline(frames=99).padded(left, 1).windowed(span, stride).windowed(2, 3)
    whole = line.length(frames + blocks * line.hop)
    assert whole == line.length(frames) + blocks


def test_a_signal_held_back_comes_later_and_needs_the_same() -> None:
    line = Timeline(frames=9, newest=1)
    assert line.held(3).lag == 3
    assert line.held(3).newest == 1


def test_together_signals_depend_on_what_any_of_them_does() -> None:
    both = together([Timeline(frames=9, oldest=-4), Timeline(frames=9, newest=2, endless=True)])
    assert (both.oldest, both.newest, both.endless) == (-4, 2, True)


@pytest.mark.parametrize(("left", "right", "owed"), [(2, 2, 2), (4, 0, 0), (0, 0, 0), (0, 4, 4)])
def test_what_is_owed_at_the_end_is_what_is_looked_ahead(left: int, right: int, owed: int) -> None:
    line = Timeline(frames=20).padded(left, right).windowed(5, 1)
    assert line.owed(20) == line.owed(0) == owed
