"""JSON in messages, as rapidjson's pretty writer has it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sonant.serving.rest.dumping import LONGEST, dump, kind


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ([], "[]"),
        ([1, -2, True, False, None], "[1, -2, true, false, null]"),
        ({"a": 1, "b": [1.0]}, '{\n    "a": 1,\n    "b": [1.0]\n}'),
        (
            {"examples": [{"n": ["f", "b"]}, {}]},
            '{\n    "examples": [{\n            "n": ["f", "b"]\n        }, {}]\n}',
        ),
        ([{"a": {}}], '[{\n        "a": {}\n    }]'),
        ("é/\"\\\n\x01\x1f", '"é/\\"\\\\\\n\\u0001\\u001F"'),
        (0.1, "0.1"),
        (1e10, "1e+10"),
        (0.123456789, "0.123456791"),
        (1e300, "1e+300"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        ([0.0, -0.0, 1e20, 1e21, 1.5e300, 1e-7, 0.00012, 12.5],
         "[0.0, -0.0, 100000000000000000000.0, 1e21, 1.5e300, 1e-7, 0.00012, 12.5]"),
    ],
)  # fmt: skip
def test_a_value_is_printed_as_upstream(value: Any, text: str) -> None:
    assert dump(value) == text


def test_it_stops_dead_at_what_is_no_json() -> None:
    assert dump([1.0, math.nan, 2.0]) == "[1.0, "
    assert dump({"a": math.inf}) == '{\n    "a": '


def test_a_long_value_is_cut_and_a_deep_one_is_no_matter() -> None:
    assert dump(list(range(100_000))).endswith("...")
    assert len(dump("x" * 10**6)) == LONGEST + len("...")
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    assert dump(deep) == "[" * LONGEST + "..."


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "Null"), (True, "True"), (False, "False"), ({}, "Object"), ([], "Array"), ("", "String"),
     (1, "Number"), (1.5, "Number")],
)  # fmt: skip
def test_types_have_rapidjsons_names(value: Any, name: str) -> None:
    assert kind(value) == name
