"""Tensors as replies."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sonant.serving.rest.encoding import classification, columns, predictions, regression
from sonant.serving.status import Refusal
from sonant.serving.tensors import Tensors, text

F = np.float32


@pytest.mark.parametrize(
    ("outputs", "rows", "whole"),
    [
        ({"y": np.array([1, 2.5], F)}, "[1.0,2.5]", "[1.0,2.5]"),
        ({"y": np.array([[1], [-2]], np.int64)}, "[[1],[-2]]", "[[1],[-2]]"),
        ({"y": np.zeros((2, 0, 3), F)}, "[[],[]]", "[[],[]]"),
        ({"y": np.zeros((0, 3), F)}, "[]", "[]"),
        ({"y": np.zeros((1, 2, 2), np.bool_)}, "[[[false,false],[false,false]]]",
         "[[[false,false],[false,false]]]"),
        ({"a": np.array([1], F), "b": text(["x"])}, '[{"a":1.0,"b":"x"}]', '{"a":[1.0],"b":["x"]}'),
        ({"y_bytes": text([b"\xff", "hello"])}, '[{"b64":"/w=="},{"b64":"aGVsbG8="}]',
         '[{"b64":"/w=="},{"b64":"aGVsbG8="}]'),
        ({"y": text(['é/"'])}, '["é/\\""]', '["é/\\""]'),
        ({"y": text([b"\xff"])}, '["\ufffd"]', '["\ufffd"]'),
        ({"y": np.array([0.1], np.float16)}, "[0.0999755859]", "[0.0999755859]"),
        ({"y": np.array([2**64 - 1], np.uint64)}, "[18446744073709551615]", "[18446744073709551615]"),
    ],
)  # fmt: skip
def test_replies_have_the_form_of_the_question(outputs: Tensors, rows: str, whole: str) -> None:
    assert predictions(outputs).decode() == f'{{"predictions":{rows}}}'
    assert columns(outputs).decode() == f'{{"outputs":{whole}}}'


def test_a_lone_value_has_columns_but_no_rows() -> None:
    assert columns({"y": np.array(2.5, F)}) == b'{"outputs":2.5}'
    with pytest.raises(Refusal, match=r"Tensor name: y has no shape information $"):
        predictions({"y": np.array(2.5, F)})


def test_rows_have_to_be_as_many_in_all_outputs() -> None:
    words = "Tensor name: y has inconsistent batch size: 2 expecting: 1"
    with pytest.raises(Refusal, match=words):
        predictions({"y": np.zeros(2, F), "z": np.zeros(1, F)})
    with pytest.raises(Refusal, match="Cannot convert empty tensor map to JSON"):
        columns({})


def test_a_type_that_json_has_not_is_refused() -> None:
    with pytest.raises(Refusal, match="Failed to write JSON value for tensor type: complex64"):
        columns({"y": np.zeros(1, np.complex64)})


def test_what_is_not_finite_is_a_word_or_null() -> None:
    outputs = {"y": np.array([math.nan, math.inf], F)}
    assert predictions(outputs) == b'{"predictions":[NaN,Infinity]}'
    assert predictions(outputs, nan=False) == b'{"predictions":[null,null]}'


def test_classes_come_in_pairs_with_their_scores() -> None:
    scores = np.array([[0.25, 0.75]], F)
    assert classification({"scores": scores}) == b'{"results":[[["",0.25],["",0.75]]]}'
    named = {"scores": scores, "classes": text([["car", "bus"]])}
    assert classification(named) == b'{"results":[[["car",0.25],["bus",0.75]]]}'
    assert classification({"classes": text([["a"]])}) == b'{"results":[[["a",0.0]]]}'
    with pytest.raises(Refusal, match="2 classes have 1 scores"):
        classification({"scores": np.zeros((1, 1), F), "classes": text([["car", "bus"]])})
    with pytest.raises(Refusal, match="Cannot convert empty ClassificationResults to JSON"):
        classification({"scores": np.zeros((0, 2), F)})


def test_regressions_are_a_list() -> None:
    assert regression({"outputs": np.array([[1.0], [2.5]], F)}) == b'{"results":[1.0,2.5]}'
    with pytest.raises(Refusal, match="Cannot convert empty RegressionResults to JSON"):
        regression({"outputs": np.zeros(0, F)})


SHAPES = hnp.array_shapes(min_dims=1, min_side=0, max_side=4)


@given(hnp.arrays(st.sampled_from([np.float32, np.int32, np.uint64, np.bool_]), SHAPES))
def test_a_reply_read_again_is_the_tensor(values: hnp.NDArray[np.generic]) -> None:
    again = json.loads(predictions({"y": values}))["predictions"]
    np.testing.assert_array_equal(np.array(again, values.dtype).reshape(values.shape), values)
