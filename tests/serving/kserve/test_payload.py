"""Tensors on KServe's wire: every type both ways, and nothing beyond what was sent."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from sonant.serving.kserve.payload import (
    from_binary,
    from_json,
    parsed,
    shape_of,
    to_binary,
    to_json,
)
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import BY_KSERVE, DTYPES, STRING, DType, Tensor, text

NUMBERS = [dtype for dtype in DTYPES if dtype is not STRING]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def kserve(dtype: DType) -> str:
    return dtype.kserve


def attempted(raw: bytes, dtype: DType, shape: tuple[int, ...]) -> Tensor | Refusal:
    try:
        return from_binary(memoryview(raw), dtype, shape, name="x")
    except Refusal as refusal:
        return refusal


@pytest.mark.parametrize("dtype", NUMBERS, ids=kserve)
@settings(max_examples=30)
@given(data=some.data())
def test_numbers_go_through_bytes_and_come_back_to_the_bit(
    dtype: DType, data: some.DataObject
) -> None:
    tensor = data.draw(arrays.arrays(dtype.numpy, SHAPES))
    raw = to_binary(tensor)
    # At an odd address, as behind JSON of an odd length.
    back = from_binary(memoryview(b"x" + raw)[1:], dtype, tensor.shape, name="x")
    assert back.dtype == dtype.numpy
    assert back.shape == tensor.shape
    assert back.tobytes() == tensor.tobytes()
    assert back.flags.aligned


@pytest.mark.parametrize("dtype", NUMBERS, ids=kserve)
@settings(max_examples=30)
@given(data=some.data())
def test_numbers_go_through_json_and_come_back(dtype: DType, data: some.DataObject) -> None:
    finite: dict[str, Any] = {}
    if dtype.numpy.kind == "f":
        finite = {"elements": {"allow_nan": False, "allow_infinity": False}}
    tensor = data.draw(arrays.arrays(dtype.numpy, SHAPES, **finite))
    said = orjson.dumps(to_json(tensor, name="y"), option=orjson.OPT_SERIALIZE_NUMPY)
    back = from_json(orjson.loads(said), dtype, tensor.shape, name="x")
    np.testing.assert_array_equal(back, tensor)


@given(values=some.lists(some.binary(max_size=20), max_size=6))
def test_strings_go_through_bytes_whatever_they_hold(values: list[bytes]) -> None:
    tensor = text(values)
    back = from_binary(memoryview(to_binary(tensor)), STRING, tensor.shape, name="x")
    assert back.tolist() == values


def test_bytes_are_little_endian_and_strings_stand_behind_their_length() -> None:
    assert to_binary(np.array([1, 256], np.int16)) == b"\x01\x00\x00\x01"
    assert to_binary(text(["abc", ""])) == b"\x03\0\0\0abc\0\0\0\0"


@given(raw=some.binary(max_size=60), shape=some.lists(some.integers(0, 5), max_size=3))
@settings(max_examples=40)
@pytest.mark.parametrize("dtype", DTYPES, ids=kserve)
def test_any_bytes_are_a_tensor_of_the_shape_or_refused(
    dtype: DType, raw: bytes, shape: list[int]
) -> None:
    tensor = attempted(raw, dtype, tuple(shape))
    if isinstance(tensor, Refusal):
        assert tensor.code is Code.INVALID_ARGUMENT
        return
    assert list(tensor.shape) == shape
    assert tensor.dtype == dtype.numpy


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x01\0\0", b"\x05\0\0\0abc", b"\xff\xff\xff\xffabc", b"\x01\0\0\0ab"],
    ids=["none", "half a length", "too short", "four gigabytes", "too long"],
)
def test_a_string_never_reaches_beyond_the_data(raw: bytes) -> None:
    with pytest.raises(Refusal, match="input 'x'"):
        from_binary(memoryview(raw), STRING, (1,), name="x")


def test_a_shape_that_promises_more_strings_than_there_are_bytes_costs_nothing() -> None:
    with pytest.raises(Refusal, match="too few for"):
        from_binary(memoryview(struct.pack("<I", 0)), STRING, (2**31 - 1, 2**31 - 1), name="x")


@pytest.mark.parametrize("dtype", DTYPES, ids=kserve)
def test_nothing_of_an_enormous_shape_is_refused(dtype: DType) -> None:
    with pytest.raises(Refusal, match="too large"):
        from_binary(memoryview(b""), dtype, (0, *[2**31 - 1] * 5), name="x")


def test_true_is_whatever_is_not_zero() -> None:
    assert from_binary(memoryview(b"\0\1\2"), BY_KSERVE["BOOL"], (3,), name="x").tolist() == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("data", [[[1, 2], [3, 4]], [1, 2, 3, 4], [[[1], [2]], [[3], [4]]]])
def test_data_may_be_nested_or_flat(data: list[Any]) -> None:
    found = from_json(data, BY_KSERVE["FP32"], (2, 2), name="x")
    assert found.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("FP32", ["1"]), ("FP32", [None]), ("FP32", [True]), ("FP32", [{}]), ("FP32", [[1], 2]),
        ("FP32", 1.0), ("FP32", None), ("FP32", [1, 2]), ("FP32", []), ("FP64", [10**400]),
        ("INT8", [128]), ("INT8", [1.0]), ("INT8", [True]), ("UINT8", [-1]), ("UINT64", [2**64]),
        ("INT64", [2**63]), ("BOOL", [1]), ("BYTES", [1]), ("BYTES", [b"x"]), ("BYTES", ["\ud800"]),
    ],
)  # fmt: skip
def test_a_value_of_another_type_or_out_of_range_is_refused(datatype: str, data: object) -> None:
    with pytest.raises(Refusal, match="input 'x'") as caught:
        from_json(data, BY_KSERVE[datatype], (1,), name="x")
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_the_largest_integers_are_kept_exactly() -> None:
    values = [2**64 - 1, 1]
    assert from_json(values, BY_KSERVE["UINT64"], (2,), name="x").tolist() == values


def test_a_float_that_is_too_large_for_32_bits_is_infinity() -> None:
    assert from_json([1e300], BY_KSERVE["FP32"], (1,), name="x").tolist() == [np.inf]


@pytest.mark.parametrize("shape", [None, 3, "3", [1.0], [True], [-1], [2**31], [1] * 33, [[1]]])
def test_a_shape_is_a_short_list_of_sizes(shape: object) -> None:
    with pytest.raises(Refusal, match="'shape'"):
        shape_of(shape, "x")


def test_nan_and_infinity_are_read() -> None:
    assert str(parsed(b"[NaN, Infinity, -Infinity]")) == "[nan, inf, -inf]"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1,]", b"\xff", b"[" * 100_000, b'"\xed\xa0\x80"', rb'["\ud800", NaN]', b"9" * 5000 + b"x"],
    ids=["empty", "open", "comma", "no text", "deep", "surrogate", "escaped surrogate", "long"],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="failed to parse") as caught:
        parsed(body)
    orjson.dumps(caught.value.message)


@given(values=some.lists(some.floats(width=32)))
def test_numbers_of_32_bits_are_told_in_as_few_digits_as_they_need(values: list[float]) -> None:
    tensor = np.array(values, np.float32)
    finite = tensor[np.isfinite(tensor)]
    said = orjson.dumps(to_json(finite, name="y"), option=orjson.OPT_SERIALIZE_NUMPY)
    np.testing.assert_array_equal(np.array(json.loads(said), np.float32), finite)
    assert (
        orjson.dumps(
            to_json(np.array([0.1], np.float32), name="y"), option=orjson.OPT_SERIALIZE_NUMPY
        )
        == b"[0.1]"
    )


def test_bytes_that_are_no_text_are_told_only_as_bytes() -> None:
    with pytest.raises(Refusal, match="ask for binary data"):
        to_json(text([b"\xff"]), name="y")
