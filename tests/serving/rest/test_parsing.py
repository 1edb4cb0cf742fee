"""The careful parser: rapidjson's leniency, its words, its offsets."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.serving.rest import parsing
from sonant.serving.rest.parsing import parse
from sonant.serving.status import Code, Refusal

DEEP = 1_000_000
ERRORS = [
    (b" ", "The document is empty.", 1),
    (b"]", "The document is empty.", 0),
    (b":", "The document is empty.", 0),
    (b"instances", "Invalid value.", 0),
    (b"[1,]", "Invalid value.", 3),
    (b"[", "Invalid value.", 1),
    (b'{"a":', "Invalid value.", 5),
    (b'{"a":}', "Invalid value.", 5),
    (b"[nul]", "Invalid value.", 4),
    (b"[nan]", "Invalid value.", 2),
    (b"[Nan]", "Invalid value.", 3),
    (b"[Infinite]", "Invalid value.", 8),
    (b"[-x]", "Invalid value.", 2),
    (b"[.5]", "Invalid value.", 1),
    (b"{", "Missing a name for object member.", 1),
    (b'{"a":1,}', "Missing a name for object member.", 7),
    (b"{1:2}", "Missing a name for object member.", 1),
    (b'{"a" 1}', "Missing a colon after a name of object member.", 5),
    (b'{"a"', "Missing a colon after a name of object member.", 4),
    (b'{"a":1 "b":2}', "Missing a comma or '}' after an object member.", 7),
    (b'{"a":1', "Missing a comma or '}' after an object member.", 6),
    (b"[1 2]", "Missing a comma or ']' after an array element.", 3),
    (b"[01]", "Missing a comma or ']' after an array element.", 2),
    (b'["a\x00"]', "Missing a closing quotation mark in string.", 3),
    (b'"a', "Missing a closing quotation mark in string.", 2),
    (b'"\\', "Invalid escape character in string.", 1),
    (b'"\\q"', "Invalid escape character in string.", 1),
    (b'"a\nb"', "Invalid escape character in string.", 2),
    (b'"\\u12"', "Incorrect hex digit after \\u escape in string.", 1),
    (b'"\\ud800x"', "The surrogate pair in string is invalid.", 1),
    (b'"\\ud800\\u0041"', "The surrogate pair in string is invalid.", 1),
    (b"[1.]", "Miss fraction part in number.", 3),
    (b"[1.e5]", "Miss fraction part in number.", 3),
    (b"[1e]", "Miss exponent in number.", 3),
    (b"[1e+]", "Miss exponent in number.", 4),
    (b"[0, 1e400]", "Number too big to be stored in double.", 4),
    (b"[1e400, 0, 1]", "Number too big to be stored in double.", 1),
    (b"[-1e400]", "Number too big to be stored in double.", 1),
    (b"[" + b"9" * 400 + b"]", "Number too big to be stored in double.", 1),
    (b"\xef\xbb\xbf[1", "Missing a comma or ']' after an array element.", 5),
]


@pytest.mark.parametrize(("text", "words", "offset"), ERRORS)
def test_what_is_wrong_is_told_with_its_place(text: bytes, words: str, offset: int) -> None:
    with pytest.raises(Refusal) as caught:
        parse(text, deepest=DEEP)
    assert caught.value.message == f"JSON Parse error: {words} at offset: {offset}"
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            b" [NaN, Inf , Infinity,-Inf, -Infinity] ",
            [math.nan, math.inf, math.inf, -math.inf, -math.inf],
        ),
        (b'{"a":1,"a":2,"\\u0061":3}', {"a": 1}),
        (b'\xef\xbb\xbf"x"', "x"),
        (b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"', '"\\/\b\f\n\r\té😀'),
        (b"[18446744073709551615,18446744073709551616]", [2**64 - 1, float(2**64)]),
        (b"[-9223372036854775808,-9223372036854775809]", [-(2**63), -float(2**63)]),
        (b"[-0, -0.0, 1E2, 1e-400]", [0, -0.0, 100.0, 0.0]),
        (b"[ 1 , 2.5 , [ ] , { } ]", [1, 2.5, [], {}]),
    ],
)
def test_what_rapidjson_takes_is_taken(text: bytes, value: Any) -> None:
    found, _ = parse(text, deepest=DEEP)
    assert json.dumps(found) == json.dumps(value)


def test_bytes_that_are_no_text_come_through() -> None:
    found, _ = parse(b'"\xff\\udc00"', deepest=DEEP)
    assert found.encode("utf-8", "surrogateescape") == b"\xff\xed\xb0\x80"


@pytest.mark.parametrize(
    ("text", "end"), [(b"[1] trailing", 3), (b'{"a":1}{"b":2}', 7), (b"1\x00[", 1)]
)
def test_it_stops_behind_the_first_value(text: bytes, end: int) -> None:
    assert parse(text, deepest=DEEP)[1] == end


def test_depth_has_a_bound_that_is_ours_and_not_pythons() -> None:
    levels = 300_000
    found, _ = parse(b"[" * levels + b"]" * levels, deepest=levels)
    depth = 0
    while found:
        depth, found = depth + 1, found[0]
    assert depth == levels - 1
    with pytest.raises(Refusal, match=r"Nested deeper than 3 levels\. at offset: 3"):
        parse(b"[[[[", deepest=3)


def test_work_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MOST_STEPS", 10)
    assert parse(b"[" + b"1," * 1000 + b"NaN]", deepest=3)[0][-2:] == pytest.approx(
        [1, math.nan], nan_ok=True
    )
    with pytest.raises(Refusal, match="More than 10 values"):
        parse(b"[" + b"NaN," * 1000 + b"NaN]", deepest=3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@given(JSON, st.sampled_from([None, 1]))
def test_plain_json_is_read_as_by_everybody(value: Any, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    assert parse(text, deepest=DEEP) == (orjson.loads(text), len(text))


@given(st.binary() | st.text(st.sampled_from('{}[],:"\\u0dDeE+-.1tfnaslruINif ')).map(str.encode))
def test_anything_is_parsed_or_refused(text: bytes) -> None:
    found = outcome(text)
    if isinstance(found, str):
        assert found.startswith("JSON Parse error: ")
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(text)
    else:
        assert 0 < found <= len(text)


def outcome(text: bytes) -> str | int:
    """The message, or where the value ends."""
    try:
        return parse(text, deepest=DEEP)[1]
    except Refusal as refusal:
        return refusal.message
