"""Which versions are served of those that are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.serving.catalog import All, Latest, Policy, Specific

THERE = (3, 10, 1)


@pytest.mark.parametrize(
    ("policy", "chosen"),
    [
        (Latest(), [10]),
        (Latest(count=2), [10, 3]),
        (Latest(count=9), [10, 3, 1]),
        (All(), [10, 3, 1]),
        (Specific(versions=(1, 3)), [3, 1]),
        (Specific(versions=(7,)), []),
    ],
)
def test_the_newest_come_first(policy: Policy, chosen: list[int]) -> None:
    assert policy.choose(THERE) == chosen


def test_only_named_versions_can_be_missed() -> None:
    assert Specific(versions=(7, 3)).missed(THERE) == [7]
    assert Latest(count=9).missed(THERE) == All().missed(THERE) == []


@given(st.sets(st.integers(0, 20)), st.integers(0, 5))
def test_latest_never_leaves_a_newer_one_out(there: set[int], count: int) -> None:
    chosen = Latest(count=count).choose(there)
    assert len(chosen) == min(len(there), max(1, count))
    assert all(left < min(chosen) for left in there - set(chosen))
