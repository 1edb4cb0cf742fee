"""Classify and regress: examples and their features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.fakes import named_dtype
from sonant.serving.rest.examples import Examples, Feature, Kind, examples_of, tensors_of
from sonant.serving.rest.reading import read
from sonant.serving.status import Refusal
from sonant.serving.tensors import Signature, Tensors, TensorSpec


def decoded(body: str) -> Examples:
    return examples_of(read(body.encode(), deepest=100))


def tensors(body: str, **types: str) -> Tensors:
    inputs = {
        name: TensorSpec(dtype=named_dtype(plain), shape=(-1, -1)) for name, plain in types.items()
    }
    return tensors_of(decoded(body), Signature(inputs=inputs, outputs={}))


def test_a_feature_is_of_the_kind_of_its_values() -> None:
    found = decoded(
        '{"signature_name":"s","examples":[{"i":[1,true],"f":[1.5,NaN],"b":["a",{"b64":"Yg=="}],'
        '"e":[],"one":-2}]}'
    )
    assert found.signature_name == "s"
    assert found.context is None
    (example,) = found.examples
    assert example["i"] == Feature(Kind.INT64, [1, 1])
    assert example["f"].kind is Kind.FLOAT
    assert example["b"] == Feature(Kind.BYTES, [b"a", b"b"])
    assert example["e"] == Feature(None, [])
    assert example["one"] == Feature(Kind.INT64, [-2])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{}", "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
        ('{"examples":1}',
         "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array"),
        ('{"examples":[]}', "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
        ('{"examples":["a"]}', "Example must be JSON object but got JSON String"),
        ('{"context":null,"examples":[]}', "Example must be JSON object but got JSON Null"),
        ('{"examples":[{"f":null}]}', "Feature: f has element with unexpected JSON type: Null"),
        ('{"examples":[{"f":{"b64":1}}]}', "Feature: f has element with unexpected JSON type: Object"),
        ('{"examples":[{"f":[[1]]}]}', "Feature: f has element with unexpected JSON type: Array"),
        ('{"examples":[{"f":[1.5,true]}]}', "Unexpected element type in feature: f expecting type: float"),
        ('{"examples":[{"f":[true,"a"]}]}', "Unexpected element type in feature: f expecting type: int64"),
        ('{"examples":[{"f":18446744073709551615}]}',
         "Feature: f has uint64_t element. Only int64_t is supported."),
        ('{"examples":[{"f":{"b64":"!"}}]}', "Unable to base64 decode"),
    ],
)  # fmt: skip
def test_what_is_no_example_is_told(body: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        decoded(body)
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("plain", "values", "wanted"),
    [
        ("float", "[1.5,2.5]", [[1.5, 2.5]]),
        ("int64", "3", [[3]]),
        ("string", '"a"', [[b"a"]]),
    ],
)
def test_features_are_the_rows_of_inputs(plain: str, values: str, wanted: Any) -> None:
    assert tensors(f'{{"examples":[{{"x":{values}}}]}}', x=plain)["x"].tolist() == wanted


def test_the_context_belongs_to_every_example() -> None:
    found = tensors(
        '{"context":{"x":1.5,"y":1},"examples":[{"y":2},{"y":3,"z":"no"}]}', x="float", y="int64"
    )
    assert found["x"].tolist() == [[1.5], [1.5]]
    assert found["y"].tolist() == [[2], [3]]


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        ("{}", "could not be found"),
        ('{"x":[]}', "could not be found"),
        ('{"x":2}', "holds int64; a float is written with a point"),
        ('{"x":[1.5]},{"x":[1.5,2.5]}', "different examples"),
    ],
)
def test_an_example_without_what_the_signature_wants_is_refused(examples: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        tensors(f'{{"examples":[{examples}]}}', x="float")


def test_numbers_beyond_the_type_overflow_quietly() -> None:
    assert tensors('{"examples":[{"x":1e39}]}', x="float")["x"].tolist() == [[np.inf]]
