"""Bodies: the fast parser and the careful one are one parser to whoever asks."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.serving.rest import reading
from sonant.serving.rest.reading import read
from sonant.serving.status import Refusal

DEEP = 1_000_000


def root(body: bytes) -> dict[str, Any]:
    return read(body, deepest=DEEP).root


def test_the_first_of_repeated_names_counts_wherever_it_is() -> None:
    assert root(b'{"a":1,"a":2}') == {"a": 1}
    assert root(b'{"a":[{"b":"x","b":"y"}]}') == {"a": [{"b": "x"}]}
    assert root(b'{"a":"x","a":"y"}') == {"a": "x"}


@pytest.mark.parametrize(
    ("body", "numeric"),
    [
        (b'{"instances":[1,2.5,[3]]}', True),
        (b'{"signature_name":"null","instances":[[1]]}', True),
        (b'{"instances":[{"true":1},{"true":2}]}', True),
        (b'{"inputs":{"x":[1],"y":2}}', True),
        (b'{"instances":[NaN,1]}', True),
        (b'{"instances":[1,true]}', False),
        (b'{"instances":[1,null]}', False),
        (b'{"instances":[1,"2"]}', False),
        (b'{"instances":[1,NaN,"2"]}', False),
        (b'{"instances":[{"b64":"aGk="}]}', False),
        (b'{"inputs":{"x":{"y":1}}}', False),
        (b'{"instances":[1],"instances":["x"]}', False),
    ],
)
def test_whether_there_are_only_numbers_is_known_without_a_look_at_each(
    body: bytes, numeric: bool
) -> None:
    assert read(body, deepest=DEEP).numeric is numeric


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"[1,2]", "JSON Value: [1, 2] Is not object"),
        (b"NaN", "JSON Value: NaN Is not object"),
        (b'"a"', 'JSON Value: "a" Is not object'),
        (b'{"a":[1,}', "JSON Parse error: Invalid value. at offset: 8"),
    ],
)
def test_a_body_has_to_be_an_object(body: bytes, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(body, deepest=DEEP)
    assert caught.value.message == words


def test_depth_is_bounded_for_plain_json_too() -> None:
    body = b'{"a":' + b"[" * 5 + b"]" * 5 + b"}"
    assert read(body, deepest=6).root == {"a": [[[[[]]]]]}
    for deepest in (5, 1):
        with pytest.raises(Refusal, match=f"Nested deeper than {deepest} levels"):
            read(body, deepest=deepest)
    deep = b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"
    assert read(deep, deepest=DEEP).root["a"]
    with pytest.raises(Refusal, match="Nested deeper than 2000 levels"):
        read(deep, deepest=2000)


def test_what_follows_the_root_is_ignored_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    reading._tell_of_rest.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert root(b'{"a":1} \n') == {"a": 1}
        assert not caplog.records
        assert root(b'{"a":1} x') == root(b'{"a":1}{"a":2}') == {"a": 1}
    assert len(caplog.records) == 1


def test_a_signature_name_is_a_string() -> None:
    assert read(b"{}", deepest=DEEP).signature_name == ""
    assert read(b'{"signature_name":"pcm"}', deepest=DEEP).signature_name == "pcm"
    with pytest.raises(Refusal, match="'signature_name' key must be a string value"):
        _ = read(b'{"signature_name":null}', deepest=DEEP).signature_name


NAMES = st.sampled_from(["instances", "inputs", "signature_name", "x", 'quo"te', "nüll"])
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    ),
)


@given(TREES)
def test_both_parsers_read_the_same(tree: dict[str, Any]) -> None:
    body = json.dumps(tree).encode()
    quick, careful = read(body, deepest=DEEP), read(body, deepest=1000)
    assert quick.root == careful.root == tree
    assert not quick.numeric or careful.numeric
