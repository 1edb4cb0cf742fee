"""Tensors in and out of `TensorProto`, and what a signature says of them.

Values come as raw bytes in `tensor_content` or one by one in the field of their type. Where fewer are
given than the shape has, the last one fills the rest, as TensorFlow has it; its own writers leave
out what repeats. Replies are written one by one, as TensorFlow Serving writes them.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, Final

import numpy as np

from sonant.serving.grpc.protos import message
from sonant.serving.status import invalid
from sonant.serving.tensors import BY_NUMBER, BY_NUMPY, STRING, DType, Tensor, TensorSpec

HIGHEST_RANK: Final = 64
"""As numpy has it."""
_VARINT_END: Final = 0x80
_LONGEST_VARINT: Final = 5
_WIRE: Final = {
    "float_val": np.float32,
    "double_val": np.float64,
    "int_val": np.int32,
    "int64_val": np.int64,
    "bool_val": np.bool_,
    "half_val": np.int32,
    "uint32_val": np.uint32,
    "uint64_val": np.uint64,
}
"""What protobuf hands out of each field; narrower types share a wider field."""


def read_tensor(proto: Any, *, name: str, limit_bytes: int) -> Tensor:
    """The tensor in a `TensorProto`, which may share its memory and is not to be written to.

    Raises `Refusal` (INVALID_ARGUMENT) where type, shape and values do not make a tensor, or one larger
    than `limit_bytes`: a few bytes can ask for a shape of terabytes.
    """
    try:
        dtype = BY_NUMBER.get(proto.dtype)
        if dtype is None:
            raise ValueError(f"type {_type_name(proto.dtype)} is not served")
        shape = _shape(proto.tensor_shape)
        count = math.prod(shape)
        if count * dtype.numpy.itemsize > limit_bytes:
            raise ValueError(f"shape {list(shape)} is larger than the {limit_bytes} bytes allowed")
        values = (
            _content(proto, dtype, count) if proto.tensor_content else _listed(proto, dtype, count)
        )
        return values.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise invalid(f"tensor parsing error: {name}: {error}") from error


def write_tensor(tensor: Tensor, proto: Any, *, spec: TensorSpec) -> None:
    """Fill an empty `TensorProto`; `spec` decides where numpy's type is none of TensorFlow's."""
    dtype = BY_NUMPY.get(tensor.dtype, spec.dtype)
    flat = tensor.astype(dtype.numpy, copy=False).reshape(-1)
    proto.dtype = dtype.number
    for size in tensor.shape:
        proto.tensor_shape.dim.add(size=size)
    values = flat.view(np.uint16) if dtype.field == "half_val" else flat
    getattr(proto, dtype.field).extend(values.tolist())


def write_spec(spec: TensorSpec, info: Any) -> None:
    """Fill an empty `TensorInfo`."""
    info.name = spec.name
    info.dtype = spec.dtype.number
    if spec.shape is None:
        info.tensor_shape.unknown_rank = True
        return
    # A scalar has a shape without sizes: it is there, and empty.
    info.tensor_shape.SetInParent()
    for size in spec.shape:
        info.tensor_shape.dim.add(size=size)


def _shape(proto: Any) -> tuple[int, ...]:
    if proto.unknown_rank:
        raise ValueError("its shape has no rank")
    if len(proto.dim) > HIGHEST_RANK:
        raise ValueError(f"rank {len(proto.dim)} is higher than {HIGHEST_RANK}")
    shape = tuple(dim.size for dim in proto.dim)
    if any(size < 0 for size in shape):
        raise ValueError(f"shape {list(shape)} has a negative size")
    return shape


def _content(proto: Any, dtype: DType, count: int) -> Tensor:
    """Values from `tensor_content`: little-endian, one after the other."""
    content = proto.tensor_content
    if dtype is STRING:
        return _strings(content, count)
    size = count * dtype.numpy.itemsize
    if len(content) != size:
        raise ValueError(f"tensor_content has {len(content)} bytes, its shape asks for {size}")
    if dtype.numpy == np.bool_:
        flags: Tensor = np.frombuffer(content, np.uint8) != 0
        return flags
    little = np.frombuffer(content, dtype.numpy.newbyteorder("<"))
    native: Tensor = little.astype(dtype.numpy, copy=False)
    return native


def _strings(content: bytes, count: int) -> Tensor:
    """The lengths of all strings as varints, then the strings."""
    if count > len(content):
        raise ValueError(f"tensor_content has {len(content)} bytes, too few for {count} strings")
    lengths = []
    at = 0
    for _ in range(count):
        length, at = _varint(content, at)
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise ValueError("the strings of tensor_content are not as long as their lengths say")
    found = np.empty(count, object)
    for number, length in enumerate(lengths):
        found[number] = content[at : at + length]
        at += length
    return found


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of up to 32 bits, and where it ends."""
    value = 0
    for place, byte in enumerate(content[at : at + _LONGEST_VARINT]):
        value |= (byte & ~_VARINT_END) << (7 * place)
        if byte < _VARINT_END:
            return value, at + place + 1
    raise ValueError("a length in tensor_content has no end")


def _listed(proto: Any, dtype: DType, count: int) -> Tensor:
    """Values from the field of the type; the last one fills what is left."""
    field = getattr(proto, dtype.field)
    given = min(len(field), count)
    found = np.empty(count, object) if dtype is STRING else np.zeros(count, dtype.numpy)
    if dtype is STRING:
        found.fill(b"")
        found[:given] = list(islice(field, given))
    else:
        found[:given] = _narrowed(np.fromiter(field, _WIRE[dtype.field], given), dtype)
    if given:
        found[given:] = found[given - 1]
    return found


def _narrowed(values: Tensor, dtype: DType) -> Tensor:
    """Out of a wider field; raises `ValueError` where a value has no place in the type."""
    if values.dtype == dtype.numpy:
        return values
    bits = np.dtype(np.uint16) if dtype.field == "half_val" else dtype.numpy
    outside = values[(values < np.iinfo(bits).min) | (values > np.iinfo(bits).max)]
    if len(outside):
        raise ValueError(f"{outside[0]} is no {dtype.plain}")
    return values.astype(bits).view(dtype.numpy)


def _type_name(number: int) -> str:
    names = message("tensorflow.TensorProto").DESCRIPTOR.fields_by_name["dtype"].enum_type
    found = names.values_by_number.get(number)
    return found.name if found else str(number)
