"""Tensors of KServe's protocol as bytes and as JSON, both ways, within bounds."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final

import numpy as np
import orjson

from sonant.serving.status import invalid
from sonant.serving.tensors import STRING, DType, Tensor, text

LENGTH_BYTES: Final = 4
"""Before each string of a binary tensor stands its length."""
SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
MOST_AXES: Final = 32
LONGEST_AXIS: Final = 2**31 - 1
KINDS: Final[Mapping[str, frozenset[type]]] = {
    "f": frozenset({int, float}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "b": frozenset({bool}),
    "O": frozenset({str}),
}
"""What JSON may hold for each kind of numpy's types."""


def parsed(body: bytes | memoryview) -> Any:
    """JSON; `NaN` and `Infinity` are taken, too.

    Raises `Refusal` (INVALID_ARGUMENT).
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = str(error)
    try:
        # The standard library knows the tokens that orjson refuses. It also takes halves of pairs of
        # surrogates, which are no text: nobody could be told of them.
        if not SURROGATE.search(body):
            return json.loads(bytes(body).decode())
    except (ValueError, RecursionError) as error:
        reason = f"{reason}; {error}"
    raise invalid(f"failed to parse the request JSON buffer: {reason}")


def shape_of(value: object, name: str) -> tuple[int, ...]:
    """The `shape` of a request; raises `Refusal` where it is no list of sizes."""
    good = isinstance(value, list) and len(value) <= MOST_AXES
    if not good or not all(type(size) is int and 0 <= size <= LONGEST_AXIS for size in value):  # type: ignore[attr-defined]
        raise invalid(f"input '{name}': 'shape' is no list of at most {MOST_AXES} sizes")
    return tuple(value)  # type: ignore[arg-type]


def from_json(data: object, dtype: DType, shape: tuple[int, ...], *, name: str) -> Tensor:
    """`data` in row-major order, nested or flat -> a tensor of `shape`.

    Raises `Refusal` where a value is of another type, out of range, or one too many or too few.
    """
    if not isinstance(data, list):
        raise invalid(f"input '{name}': 'data' is no list")
    values, kinds = _flat(data, name)
    if kinds - KINDS[dtype.numpy.kind]:
        raise invalid(f"input '{name}': 'data' holds values that are no {dtype.kserve}")
    if len(values) != math.prod(shape):
        raise invalid(
            f"input '{name}': 'data' holds {len(values)} values, but shape {list(shape)} "
            f"wants {math.prod(shape)}"
        )
    try:
        # A number too large for a float of 32 bits is infinity, as everywhere in JSON.
        with np.errstate(over="ignore"):
            tensor = text(values) if dtype is STRING else np.array(values, dtype.numpy)
    except (OverflowError, UnicodeEncodeError) as error:
        raise invalid(f"input '{name}': {error}") from error
    return _shaped(tensor, shape, name)


def from_binary(raw: memoryview, dtype: DType, shape: tuple[int, ...], *, name: str) -> Tensor:
    """Little-endian values in row-major order -> a tensor of `shape`, which is read only.

    Strings stand each behind their length in 4 bytes. Raises `Refusal` where the bytes are too
    many or too few.
    """
    count = math.prod(shape)
    if dtype is STRING:
        return _shaped(_strings(raw, count, name), shape, name)
    if len(raw) != count * dtype.numpy.itemsize:
        raise invalid(
            f"input '{name}': {len(raw)} bytes of binary data, but shape {list(shape)} of "
            f"{dtype.kserve} wants {count * dtype.numpy.itemsize}"
        )
    if dtype.numpy.kind == "b":
        return _shaped(np.frombuffer(raw, np.uint8) != 0, shape, name)
    values = np.frombuffer(raw, dtype.numpy.newbyteorder("<"))
    # The JSON before it has any length, so the values may lie at any address.
    aligned: Tensor = np.require(values, dtype.numpy, "A")
    return _shaped(aligned, shape, name)


def to_binary(tensor: Tensor) -> bytes:
    """The inverse of `from_binary`."""
    if tensor.dtype.kind == "O":
        lengths = struct.Struct("<I")
        return b"".join(lengths.pack(len(value)) + value for value in tensor.flat)
    return tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()


def to_json(tensor: Tensor, *, name: str) -> Tensor | list[str]:
    """Values in row-major order, for orjson; raises `Refusal` where bytes are no text."""
    if tensor.dtype.kind != "O":
        # Half precision as single: the text is the same, and every version of orjson has it.
        wide = tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor
        return np.ascontiguousarray(wide).reshape(-1)
    try:
        return [value.decode() for value in tensor.flat]
    except UnicodeDecodeError as error:
        raise invalid(
            f"output '{name}' holds bytes that are no text: ask for binary data"
        ) from error


def _flat(data: list[Any], name: str) -> tuple[list[Any], set[type]]:
    """Lists in lists as one list, and what types it holds; the parser has bounded the depth."""
    while list in (kinds := set(map(type, data))):
        if len(kinds) > 1:
            raise invalid(f"input '{name}': 'data' holds lists and values side by side")
        data = list(chain.from_iterable(data))
    return data, kinds


def _strings(raw: memoryview, count: int, name: str) -> Tensor:
    if count * LENGTH_BYTES > len(raw):
        raise invalid(f"input '{name}': {len(raw)} bytes are too few for {count} strings")
    found: Tensor = np.empty(count, dtype=object)
    start = 0
    for place in range(count):
        begin = start + LENGTH_BYTES
        end = begin + int.from_bytes(raw[start:begin], "little")
        if begin > len(raw) or end > len(raw):
            raise invalid(f"input '{name}': string {place} goes beyond the binary data")
        found[place] = bytes(raw[begin:end])
        start = end
    if start != len(raw):
        raise invalid(f"input '{name}': {len(raw) - start} bytes after the last of {count} strings")
    return found


def _shaped(values: Tensor, shape: tuple[int, ...], name: str) -> Tensor:
    try:
        return values.reshape(shape)
    except (ValueError, OverflowError) as error:  # empty, with other axes beyond any memory
        raise invalid(f"input '{name}': shape {list(shape)} is too large") from error
