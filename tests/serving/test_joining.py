"""Requests run together, and nobody notices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.doubles import Doubling, x
from sonant.serving.joining import run_together
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import DEFAULT_SIGNATURE, Tensors

ASK = DEFAULT_SIGNATURE


def values(outcome: Tensors | Exception) -> list[float]:
    assert not isinstance(outcome, Exception), outcome
    found: list[float] = outcome["y"].reshape(-1).tolist()
    return found


@given(
    requests=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=5), min_size=1, max_size=8),
    largest=st.integers(1, 9),
)
def test_everybody_gets_his_own_rows_whatever_the_others_ask(
    requests: list[list[int]], largest: int
) -> None:
    model = Doubling()
    joined = run_together(model, [(ASK, x(*rows)) for rows in requests], largest=largest)
    assert [values(one) for one in joined.outcomes] == [[2 * v for v in rows] for rows in requests]
    assert max(model.runs) <= largest
    assert sum(part.rows for part in joined.parts) == sum(map(len, requests))


def test_requests_of_one_kind_take_one_run() -> None:
    model = Doubling()
    run_together(model, [(ASK, x(1)), (ASK, x(2, 3)), (ASK, x(4))], largest=32)
    assert model.runs == [4]


def test_other_shapes_run_by_themselves() -> None:
    model = Doubling()
    wide: Tensors = {"x": np.ones((1, 5), np.float32)}
    joined = run_together(model, [(ASK, x(1)), (ASK, wide), (ASK, x(2))], largest=32)
    assert model.runs == [2, 1]
    assert values(joined.outcomes[1]) == [2.0] * 5


def test_a_tensor_without_rows_is_asked_alone_and_comes_back_as_it_is() -> None:
    model = Doubling()
    joined = run_together(model, [(ASK, {"x": np.array(4, np.float32)}), (ASK, x(1))], largest=32)
    assert values(joined.outcomes[0]) == [8.0]
    assert values(joined.outcomes[1]) == [2.0]


def test_a_refused_request_costs_its_neighbours_nothing() -> None:
    model = Doubling()
    joined = run_together(model, [(ASK, x(1)), (ASK, x(13)), (ASK, x(3))], largest=32)
    refusal = joined.outcomes[1]
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.message) == (Code.INVALID_ARGUMENT, "13 is not taken")
    assert [values(joined.outcomes[n]) for n in (0, 2)] == [[2.0], [6.0]]
    assert model.runs == [2]


def test_a_request_that_breaks_the_run_breaks_only_its_own() -> None:
    joined = run_together(Doubling(), [(ASK, x(1)), (ASK, x(666)), (ASK, x(3))], largest=32)
    assert isinstance(joined.outcomes[1], RuntimeError)
    assert [values(joined.outcomes[n]) for n in (0, 2)] == [[2.0], [6.0]]


def test_a_batch_is_filled_up_to_a_size_that_is_allowed() -> None:
    model = Doubling()
    joined = run_together(model, [(ASK, x(1, 2)), (ASK, x(3))], largest=8, allowed=(1, 4, 8))
    assert model.runs == [4]
    assert [values(one) for one in joined.outcomes] == [[2.0, 4.0], [6.0]]
    assert joined.parts[0].padding == 1


def test_what_must_not_be_joined_is_not() -> None:
    model = Doubling(joins=False)
    run_together(model, [(ASK, x(1)), (ASK, x(2))], largest=32)
    assert model.runs == [1, 1]


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_a_model_that_answers_other_rows_than_it_was_asked_is_found_out(rows: int) -> None:
    class Wrong(Doubling):
        def run(self, signature: str, inputs: Tensors) -> Tensors:
            return {"y": np.zeros((rows, 1), np.float32)}

    (outcome,) = run_together(Wrong(), [(ASK, x(1, 2, 3))], largest=32).outcomes
    assert isinstance(outcome, Refusal)
    assert outcome.code is Code.INTERNAL
