"""The fit is where the slope of its loss is zero, whatever the scale of the columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.verification import logistic


def columns(seed: int, trials: int = 400) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(seed)
    same = random.random(trials) < 0.3
    first = random.normal(size=trials) + 1.5 * same
    return {"first": first, "second": random.normal(size=trials) - 0.5 * same}, same


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.5, 0.9]))
def test_at_the_prior_the_mean_probability_is_right(seed: int, prior: float) -> None:
    table, same = columns(seed)
    found = logistic.fit(table, same, prior=prior)
    llrs = logistic.apply(found.weights, found.offset, table, what="it")
    given = logistic.posterior(llrs, prior=prior)
    # The offset has no prior of its own, so the weighted mean of what is given is that of what is.
    mean = prior * given[same].mean() + (1 - prior) * given[~same].mean()
    assert mean == pytest.approx(prior, abs=1e-6)


def test_nothing_near_it_is_better() -> None:
    table, same = columns(1)
    found = logistic.fit(table, same, prior=0.5)

    def loss(first: float, second: float, offset: float) -> float:
        llr = first * table["first"] + second * table["second"] + offset
        fit = np.logaddexp(0, -llr[same]).mean() / 2 + np.logaddexp(0, llr[~same]).mean() / 2
        pull = (first * table["first"].std()) ** 2 + (second * table["second"].std()) ** 2
        return float(fit + pull / (2 * logistic.DEVIATION**2 * len(same)))

    here = (found.weights["first"], found.weights["second"], found.offset)
    for place in range(3):
        for step in (-0.05, 0.05):
            moved = [value + step * (place == n) for n, value in enumerate(here)]
            assert loss(*moved) > loss(*here)


def test_the_unit_of_a_column_does_not_matter() -> None:
    table, same = columns(2)
    scaled = {"first": 1000 * table["first"] - 5e4, "second": table["second"] / 1e3}
    one, other = (logistic.fit(part, same, prior=0.3) for part in (table, scaled))
    assert other.weights["first"] * 1000 == pytest.approx(one.weights["first"], rel=1e-6)
    assert other.weights["second"] / 1000 == pytest.approx(one.weights["second"], rel=1e-6)


def test_two_copies_of_a_column_share_its_weight() -> None:
    table, same = columns(3)
    found = logistic.fit({"a": table["first"], "b": table["first"]}, same, prior=0.5).weights
    assert found["a"] == pytest.approx(found["b"])


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="same shape"):
        logistic.fit({"a": [1.0, 2.0], "b": [1.0]}, [0, 1], prior=0.5)
