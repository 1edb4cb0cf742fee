"""Which axes become which when a shape changes."""

from __future__ import annotations

import pytest

from sonant.tracing.signals import groups, inserted, removed


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ((2, 4, 5, 7), (2, 20, 7), [([0], [0]), ([1, 2], [1]), ([3], [2])]),
        ((2, 20, 7), (2, 4, 5, 7), [([0], [0]), ([1], [1, 2]), ([2], [3])]),
        ((2, 1, 7), (2, 7, 1), [([0], [0]), ([2], [1])]),
        ((2, 7, 3), (14, 3), [([0, 1], [0]), ([2], [1])]),
        ((2, 6, 4), (2, 4, 6), [([0], [0]), ([1, 2], [1, 2])]),
    ],
)
def test_axes_are_grouped_as_finely_as_their_sizes_allow(
    old: tuple[int, ...], new: tuple[int, ...], found: list[tuple[list[int], list[int]]]
) -> None:
    assert groups(old, new) == found


def test_an_axis_moves_when_others_come_and_go() -> None:
    assert removed(3, [0, 1]) == 1
    assert removed(None, [0]) is None
    assert inserted(1, 1) == 2
    assert inserted(1, 2) == 1
