"""One JSON value, one tensor: types, ranges, shapes, base64."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.fakes import named_dtype
from sonant.serving.rest.values import RANGES, bytes_of, quick_tensor, tensor_of
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import DTYPES, FLOAT, STRING, Tensor


def tensor(value: Any, plain: str = "float", *, strict: bool = False) -> Tensor:
    return tensor_of(value, named_dtype(plain), numeric=False, strict=strict)


@pytest.mark.parametrize(
    ("value", "plain", "words"),
    [
        ("x", "float", 'JSON Value: "x" Type: String is not of expected type: float'),
        (True, "float", "JSON Value: true Type: True is not of expected type: float"),
        (None, "double", "JSON Value: null Type: Null is not of expected type: double"),
        (1.0, "int32", "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        (2**31, "int32", "JSON Value: 2147483648 Type: Number is not of expected type: int32"),
        (False, "int64", "JSON Value: false Type: False is not of expected type: int64"),
        (-1, "uint64", "JSON Value: -1 Type: Number is not of expected type: uint64"),
        (128, "int8", "JSON Value: 128 Type: Number is not of expected type: int8"),
        (0, "bool", "JSON Value: 0 Type: Number is not of expected type: bool"),
        (5, "string", "JSON Value: 5 Type: Number is not of expected type: string"),
        ({"a": 1}, "string", 'JSON Value: {\n    "a": 1\n} not formatted correctly for base64 data'),
        ({"b64": "!"}, "string", "Unable to base64 decode"),
        ([[1], [2, 3]], "float", "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ([1, [2]], "float", "Encountered list at unexpected level: 1 expected < 1"),
        ([[1], 2], "float",
         "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(value: Any, plain: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        tensor(value, plain)
    assert (caught.value.message, caught.value.code) == (words, Code.INVALID_ARGUMENT)


@pytest.mark.parametrize("plain", ["half", "uint16", "bfloat16", "complex64"])
def test_types_that_json_has_no_way_into_are_unimplemented(plain: str) -> None:
    with pytest.raises(Refusal, match=f"Conversion of JSON Value: 1 to type: {plain}") as caught:
        tensor(1, plain)
    assert caught.value.code is Code.UNIMPLEMENTED
    with pytest.raises(Refusal, match=f"Type: Object is not of expected type: {plain}"):
        tensor({}, plain)


def test_32_bit_floats_overflow_to_infinity_and_underflow_to_nothing() -> None:
    for numeric in (True, False):
        found = tensor_of([1e39, -1e39, 1e-60, 2**60], FLOAT, numeric=numeric, strict=False)
        assert found.tolist() == [np.inf, -np.inf, 0.0, float(2**60)]
        assert found.dtype == np.float32


def test_small_integers_wrap_round_only_when_strict() -> None:
    assert tensor([300, -1], "uint8", strict=True).tolist() == [44, 255]
    with pytest.raises(Refusal):
        tensor([300], "uint8")
    with pytest.raises(Refusal):
        tensor([2**31], "uint8", strict=True)


@pytest.mark.parametrize(
    ("value", "shape"),
    [(1.5, ()), ([], (0,)), ([[], []], (2, 0)), ([[[1, 2]], [[3, 4]]], (2, 1, 2))],
)
def test_the_shape_is_that_of_the_lists(value: Any, shape: tuple[int, ...]) -> None:
    for numeric in (True, False):
        assert tensor_of(value, FLOAT, numeric=numeric, strict=False).shape == shape


def test_no_depth_of_lists_is_too_much_to_say_so() -> None:
    deep: Any = 1.0
    for _ in range(100_000):
        deep = [deep]
    for numeric in (True, False):
        with pytest.raises(Refusal, match="a tensor of 100000 dimensions"):
            tensor_of(deep, FLOAT, numeric=numeric, strict=False)


@pytest.mark.parametrize("text", ["aGVsbG8=", "aGVsbG8", "aGVs bG8=", " aGVs\nbG8 = ", "aGVsbG8."])
def test_base64_may_go_without_padding_and_with_spaces(text: str) -> None:
    assert bytes_of({"b64": text}) == b"hello"


@pytest.mark.parametrize(
    "text", ["-_-_", "a", "aGVsb", "aGVsbG8==", "aGV=sbG8", "====", "é", "a\x00"]
)
def test_base64_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="Unable to base64 decode"):
        bytes_of({"b64": text})


@given(st.binary())
def test_base64_gives_the_bytes_again(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert bytes_of({"b64": text}) == bytes_of({"b64": text.rstrip("=")}) == data
    assert tensor({"b64": text}, "string").item() == data


NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats() | st.integers(-300, 300)


@given(
    st.sampled_from(DTYPES),
    st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=4), max_leaves=12),
)
def test_the_quick_way_and_the_careful_way_agree(dtype: Any, value: Any) -> None:
    quick = quick_tensor(value, dtype)
    if quick is not None:
        careful = tensor_of(value, dtype, numeric=False, strict=False)
        np.testing.assert_array_equal(quick, careful)
        assert quick.dtype == careful.dtype


@pytest.mark.parametrize("plain", ["float", "double", *(name[3:].lower() for name in RANGES)])
def test_the_quick_way_takes_plain_lists(plain: str) -> None:
    assert quick_tensor([[1, 2], [3, 4]], named_dtype(plain)) is not None


def test_strings_are_bytes() -> None:
    found = tensor_of(json.loads('[["é", "a"]]'), STRING, numeric=False, strict=False)
    assert found.tolist() == [["é".encode(), b"a"]]
