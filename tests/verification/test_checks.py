"""What comes in as scores, truth and weights leaves as arrays that fit."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.verification.checks import matrix, probability, scored


def test_lists_become_arrays_of_their_types() -> None:
    scores, same, weights = scored([1, 2], [0, 1])
    assert (scores.dtype, same.dtype, weights.tolist()) == (np.float64, np.bool_, [1.0, 1.0])


@pytest.mark.parametrize("values", [[1.0, 2.0], [[np.nan]], [[np.inf]]])
def test_tables_have_rows_and_finite_numbers(values: list[float]) -> None:
    with pytest.raises(ValueError, match="things h"):
        matrix("things", values)


def test_a_probability_lies_between() -> None:
    assert probability("p", 0.5) == 0.5
    with pytest.raises(ValueError, match="p is nan"):
        probability("p", float("nan"))
