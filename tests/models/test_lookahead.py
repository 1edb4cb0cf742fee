"""Look-ahead is shared out whole, and no layer gets more than it can use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.errors import RecipeError
from sonant.models.lookahead import shares

REACHES = st.lists(st.integers(0, 40), max_size=12)


@given(REACHES, st.data())
def test_all_of_it_is_given_and_nobody_gets_more_than_its_reach(
    reaches: list[int], data: st.DataObject
) -> None:
    lookahead = data.draw(st.integers(0, sum(reaches)))
    given_out = shares(lookahead, reaches=reaches)
    assert sum(given_out) == lookahead
    assert all(0 <= share <= reach for share, reach in zip(given_out, reaches, strict=True))


def test_all_reaches_together_are_the_most_there_is() -> None:
    assert shares(54, reaches=[5, 6, 7, 8, 28, 0]) == [5, 6, 7, 8, 28, 0]
    with pytest.raises(RecipeError, match=r"lookahead: 55 frames do not fit; want 0 to 54"):
        shares(55, reaches=[5, 6, 7, 8, 28, 0])
    with pytest.raises(RecipeError, match="lookahead: -1"):
        shares(-1, reaches=[5])
