"""Reading what a client says in the data of its messages."""

from __future__ import annotations

import pytest

from sonant.serving.status import Code, Refusal
from sonant.serving.streams.messages import error_of, names, number, too_big, whole


def test_what_is_left_out_or_null_is_the_default() -> None:
    assert (whole({}, "a", 3), whole({"a": None}, "a", 3), whole({"a": 0}, "a", 3)) == (3, 3, 0)
    assert (number({}, "a", 0.5), number({"a": 2}, "a", 0.5)) == (0.5, 2.0)
    assert (names({"a": None}, "a"), names({"a": ["x", "y"]}, "a")) == ((), ("x", "y"))


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], {}])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    with pytest.raises(Refusal, match=r"^a: .* is not a whole number$"):
        whole({"a": value}, "a", 0)


@pytest.mark.parametrize("value", [False, float("inf"), float("nan"), "1", [1]])
def test_a_number_is_one(value: object) -> None:
    with pytest.raises(Refusal, match=r"^a: .* is not a number$"):
        number({"a": value}, "a", 0)


@pytest.mark.parametrize("value", ["x", [1], ["x", None], {"x": 1}, 0])
def test_names_are_a_list_of_them(value: object) -> None:
    with pytest.raises(Refusal, match=r"^a: .* is not a list of names$"):
        names({"a": value}, "a")


def test_what_a_client_sent_is_not_said_back_at_length() -> None:
    with pytest.raises(Refusal) as refused:
        number({"a": "x" * 10_000}, "a", 0)
    assert len(refused.value.message) < 100


def test_a_refusal_becomes_an_error_event() -> None:
    told = error_of(too_big("a message", 9, most=5))
    assert told.type == "error"
    assert told.data == {
        "text": "a message has 9 bytes; at most 5 are taken",
        "code": "out-of-range",
    }
    assert error_of(Refusal(Code.UNAVAILABLE, "x")).data["code"] == "unavailable"
