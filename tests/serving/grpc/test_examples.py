"""tf.Examples to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sonant.serving.grpc.examples import read_examples
from sonant.serving.grpc.protos import message
from sonant.serving.status import Refusal
from sonant.serving.tensors import BY_NAME, Method, Signature, TensorSpec

LIMIT = 2**12


def signature(**dtypes: str) -> Signature:
    inputs = {
        name: TensorSpec(dtype=BY_NAME[dtype], shape=(-1, -1)) for name, dtype in dtypes.items()
    }
    return Signature(inputs=inputs, outputs={}, method=Method.CLASSIFY)


def feature(example: Any, **values: Any) -> None:
    for name, listed in values.items():
        kind = {float: "float_list", int: "int64_list", bytes: "bytes_list"}[type(listed[0])]
        getattr(example.features.feature[name], kind).value.extend(listed)


def examples(*several: dict[str, Any], context: dict[str, Any] | None = None) -> Any:
    found = message("Input")()
    inner = found.example_list if context is None else found.example_list_with_context
    inner.SetInParent()
    for values in several:
        feature(inner.examples.add(), **values)
    if context:
        feature(found.example_list_with_context.context, **context)
    return found


def refusal(proto: Any, wanted: Signature) -> str:
    with pytest.raises(Refusal) as caught:
        read_examples(proto, wanted, limit_bytes=LIMIT)
    return caught.value.message


def test_every_feature_becomes_a_tensor_with_a_row_an_example() -> None:
    wanted = signature(x="DT_FLOAT", n="DT_INT64", word="DT_STRING")
    proto = examples(
        {"x": [1.0, 2.0], "n": [5], "word": [b"a"], "unknown": [9]},
        {"x": [3.0, 4.0], "n": [6], "word": [b"b"]},
    )
    found = read_examples(proto, wanted, limit_bytes=LIMIT)
    np.testing.assert_array_equal(found["x"], np.array([[1, 2], [3, 4]], np.float32))
    np.testing.assert_array_equal(found["n"], [[5], [6]])
    assert found["word"].tolist() == [[b"a"], [b"b"]]
    assert sorted(found) == ["n", "word", "x"]


def test_the_context_belongs_to_all_but_an_example_has_the_last_word() -> None:
    proto = examples({"y": [1.0]}, {"x": [7.0], "y": [2.0]}, context={"x": [5.0]})
    found = read_examples(proto, signature(x="DT_FLOAT", y="DT_FLOAT"), limit_bytes=LIMIT)
    assert found["x"].tolist() == [[5.0], [7.0]]
    assert found["y"].tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize("proto", [message("Input")(), examples(), examples(context={"x": [1.0]})])
def test_no_example_is_refused(proto: Any) -> None:
    assert refusal(proto, signature(x="DT_FLOAT")) == "Input is empty."


def test_a_feature_that_is_missing_is_named() -> None:
    found = refusal(examples({"x": [1.0]}, {"y": [1.0]}), signature(x="DT_FLOAT"))
    assert found == "Feature: x (data type: float) is required but could not be found in example 1."


def test_a_feature_of_another_type_is_refused() -> None:
    found = refusal(examples({"x": [1]}), signature(x="DT_FLOAT"))
    assert "Data types don't match. Data type: int64 but expected type: float" in found


def test_features_of_two_lengths_are_refused() -> None:
    found = refusal(examples({"x": [1.0]}, {"x": [1.0, 2.0]}), signature(x="DT_FLOAT"))
    assert "Values size: 2 but output shape: [1]" in found


def test_a_small_message_cannot_ask_for_a_large_tensor() -> None:
    large = examples(*[{}] * 40, context={"x": [1.0] * 60})
    assert "larger than" in refusal(large, signature(x="DT_FLOAT"))
    assert "100 examples" in refusal(examples(*[{}] * 100), signature(x="DT_FLOAT"))
