"""Tensors in messages: whatever a client writes is read, or refused with a reason."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from serving.grpc.caller import fill
from sonant.serving.grpc.protos import message
from sonant.serving.grpc.tensor_protos import read_tensor, write_spec, write_tensor
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import BY_NAME, BY_NUMPY, DTYPES, FLOAT, DType, Tensor, TensorSpec, text

LIMIT = 2**16
NUMBERS = [dtype for dtype in DTYPES if dtype.name != "DT_STRING"]


def proto_of(dtype: str, shape: list[int], values: Any = ()) -> Any:
    return fill(message("tensorflow.TensorProto")(), dtype, shape, values)


def with_content(dtype: str, shape: list[int], content: bytes) -> Any:
    proto = proto_of(dtype, shape)
    proto.tensor_content = content
    return proto


def read(proto: Any) -> Tensor:
    return read_tensor(proto, name="x", limit_bytes=LIMIT)


def refusal(proto: Any) -> str:
    with pytest.raises(Refusal) as caught:
        read(proto)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda dtype: dtype.name)
def test_what_is_written_is_read_again(dtype: DType) -> None:
    tensor = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype.numpy)
    proto = message("tensorflow.TensorProto")()
    write_tensor(tensor, proto, spec=TensorSpec(dtype=dtype, shape=None))
    assert not proto.tensor_content
    assert len(getattr(proto, dtype.field)) == 6
    again = read(proto)
    assert again.dtype == dtype.numpy
    np.testing.assert_array_equal(again, tensor)


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda dtype: dtype.name)
def test_raw_little_endian_content_is_read(dtype: DType) -> None:
    tensor = np.array([1, 0, 1]).astype(dtype.numpy)
    content = tensor.astype(dtype.numpy.newbyteorder("<")).tobytes()
    np.testing.assert_array_equal(read(with_content(dtype.name, [3], content)), tensor)


def test_strings_are_bytes_in_both_directions() -> None:
    tensor = text([["a", ""], [b"\xff\x00", "ä"]])
    proto = message("tensorflow.TensorProto")()
    write_tensor(tensor, proto, spec=TensorSpec(dtype=FLOAT, shape=None))
    assert proto.dtype == BY_NAME["DT_STRING"].number
    assert read(proto).tolist() == [[b"a", b""], [b"\xff\x00", b"\xc3\xa4"]]


def test_strings_come_as_lengths_and_bytes_too() -> None:
    long = b"x" * 300
    content = bytes([2, 0, 0xAC, 0x02]) + b"ab" + long
    assert read(with_content("DT_STRING", [3], content)).tolist() == [b"ab", b"", long]


@pytest.mark.parametrize(
    ("given", "read_as"),
    [([], [0, 0, 0]), ([7], [7, 7, 7]), ([7, 8], [7, 8, 8]), ([1, 2, 3, 4], [1, 2, 3])],
)
def test_the_last_value_fills_the_shape(given: list[float], read_as: list[float]) -> None:
    assert read(proto_of("DT_FLOAT", [3], given)).tolist() == read_as


def test_one_string_fills_the_shape() -> None:
    assert read(proto_of("DT_STRING", [2], [b"a"])).tolist() == [b"a", b"a"]
    assert read(proto_of("DT_STRING", [2])).tolist() == [b"", b""]


def test_a_scalar_has_no_sizes_and_an_empty_tensor_no_values() -> None:
    assert read(proto_of("DT_FLOAT", [], [2.5])).shape == ()
    assert read(proto_of("DT_FLOAT", [0, 4])).shape == (0, 4)


@pytest.mark.parametrize(
    ("proto", "reason"),
    [
        (proto_of("DT_FLOAT", [-1], [1]), "negative"),
        (proto_of("DT_FLOAT", [2**62, 2**62], [1]), "larger than"),
        (proto_of("DT_FLOAT", [2**40], [1]), "larger than"),
        (proto_of("DT_STRING", [2**40], [b""]), "larger than"),
        (proto_of("DT_FLOAT", [0, 2**62, 2**62]), ""),
        (proto_of("DT_FLOAT", [1] * 65, [1]), "rank 65"),
        (proto_of("DT_UINT8", [1], [256]), "256 is no uint8"),
        (proto_of("DT_INT8", [2], [0, -129]), "-129 is no int8"),
        (proto_of("DT_HALF", [1], [70000]), "70000 is no half"),
        (with_content("DT_FLOAT", [2], b"1234567"), "7 bytes, its shape asks for 8"),
        (with_content("DT_STRING", [2], b"\x05\x05a"), "not as long"),
        (with_content("DT_STRING", [1], b"\xff\xff\xff\xff\xff\xff"), "no end"),
        (with_content("DT_STRING", [9], b"\x01a"), "too few"),
        (message("tensorflow.TensorProto")(), "DT_INVALID"),
        (message("tensorflow.TensorProto")(dtype=14), "DT_BFLOAT16"),
        (message("tensorflow.TensorProto")(dtype=4711), "4711"),
        (message("tensorflow.TensorProto")(dtype=1, tensor_shape={"unknown_rank": True}), "rank"),
    ],
)
def test_what_makes_no_tensor_is_refused_with_its_name(proto: Any, reason: str) -> None:
    found = refusal(proto)
    assert found.startswith("tensor parsing error: x: ")
    assert reason in found


@given(st.binary(max_size=200))
def test_garbage_is_a_tensor_or_a_refusal(data: bytes) -> None:
    proto = message("tensorflow.TensorProto")()
    with contextlib.suppress(DecodeError, Refusal):
        proto.MergeFromString(data)
        assert read(proto).nbytes <= LIMIT


@given(
    st.sampled_from([dtype.name for dtype in DTYPES]),
    st.lists(st.integers(-2, 5), max_size=4),
    st.binary(max_size=24),
)
def test_any_shape_over_any_content_is_a_tensor_or_a_refusal(
    dtype: str, shape: list[int], content: bytes
) -> None:
    try:
        found = read(with_content(dtype, shape, content))
    except Refusal:
        return
    assert list(found.shape) == shape
    assert BY_NUMPY[found.dtype].name == dtype


def test_a_type_numpy_has_and_tensorflow_not_becomes_that_of_the_signature() -> None:
    proto = message("tensorflow.TensorProto")()
    write_tensor(np.array([1.5], np.longdouble), proto, spec=TensorSpec(dtype=FLOAT, shape=(-1,)))
    assert proto.dtype == FLOAT.number
    assert list(proto.float_val) == [1.5]


def test_a_spec_tells_a_free_size_from_a_free_rank_and_from_a_scalar() -> None:
    info = message("tensorflow.TensorInfo")
    sized, free, scalar = info(), info(), info()
    write_spec(TensorSpec(dtype=FLOAT, shape=(-1, 3), name="x:0"), sized)
    write_spec(TensorSpec(dtype=FLOAT, shape=None), free)
    write_spec(TensorSpec(dtype=FLOAT, shape=()), scalar)
    assert [dim.size for dim in sized.tensor_shape.dim] == [-1, 3]
    assert sized.name == "x:0"
    assert free.tensor_shape.unknown_rank
    assert scalar.HasField("tensor_shape")
    assert not scalar.tensor_shape.unknown_rank
