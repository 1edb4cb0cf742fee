"""Base64 cut out of a body: whoever reads the tree does not notice."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.serving.rest.cutting import WORTH_IT, Base64Text, cut
from sonant.serving.rest.dumping import dump, kind
from sonant.serving.rest.reading import read, read_carefully
from sonant.serving.rest.values import bytes_of

DEEP = 1_000_000
SOUND = bytes(range(256)) * 12
TEXT = base64.b64encode(SOUND).decode()


def rows(*values: Any) -> bytes:
    return json.dumps({"instances": values}).encode()


def test_long_base64_is_decoded_where_it_lies() -> None:
    body = rows({"b64": TEXT}, {"b64": "aGk="})
    left, texts = cut(body)
    assert left == rows({"b64": "0"}, {"b64": "1"})
    assert [text.content for text in texts] == [SOUND, b"hi"]


def test_the_tree_holds_the_texts_again() -> None:
    root = read(rows({"b64": TEXT}, {"x": {"b64": "aGk="}}), deepest=DEEP).root
    first, second = root["instances"]
    assert first == {"b64": TEXT}
    assert bytes_of(first) == SOUND
    assert bytes_of(second["x"]) == b"hi"


def test_messages_show_it_as_any_other_text() -> None:
    text = Base64Text.of(b"aGk=")
    assert dump({"b64": text}) == dump({"b64": "aGk="})
    assert kind(text) == "String"


@pytest.mark.parametrize(
    "body",
    [
        rows({"b64": "aGk="}),
        rows({"b64": TEXT + "!"}),
        rows({"b64": TEXT}, {"b64": "aG k="}),
        rows({"b64": TEXT}, "back\\slash"),
        b'{"instances":[{"b64":"' + TEXT.encode(),
    ],
    ids=["short", "no base64", "spaces", "an escape", "no end"],
)
def test_what_is_not_plain_is_left_alone(body: bytes) -> None:
    assert cut(body) == (body, [])


def test_a_name_that_is_written_with_escapes_is_not_missed() -> None:
    hidden = rows({"b64": TEXT}, {"b64": "0"}).replace(b'{"b64": "0"}', b'{"b\\u00364": "0"}')
    assert read(hidden, deepest=DEEP).root["instances"][1] == {"b64": "0"}


def test_of_repeated_names_the_first_counts_as_ever() -> None:
    body = b'{"instances":[{"b64":"%b","b64":"aGk="}]}' % TEXT.encode()
    assert bytes_of(read(body, deepest=DEEP).root["instances"][0]) == SOUND


VALUES = st.recursive(
    st.text(max_size=5)
    | st.integers()
    | st.binary(max_size=9).map(lambda sound: {"b64": base64.b64encode(sound).decode()})
    | st.sampled_from(
        [{"b64": 5}, {"b64": "a b"}, {"b64": {"b64": "aGk="}}, '"b64":"aGk="', "b64"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["b64", "x"]), inner, max_size=2)
    ),
)


@given(VALUES)
def test_both_parsers_read_the_same(value: Any) -> None:
    body = rows(value, {"b64": TEXT})
    assert len(body) > WORTH_IT
    quick, careful = read(body, deepest=DEEP), read_carefully(body, deepest=DEEP)
    assert quick.root == careful.root
    assert not quick.numeric
