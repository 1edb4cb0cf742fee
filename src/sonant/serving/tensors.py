"""Tensors on the wire: their types under every name a protocol has for them, and signatures.

In the process a tensor is a numpy array; a tensor of strings is an array of `object` that holds bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = NDArray[Any]
Tensors: TypeAlias = Mapping[str, Tensor]
"""Name -> tensor: the inputs or the outputs of one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DType:
    """One type of elements."""

    name: str
    """TensorFlow's, as metadata prints it."""
    number: int
    """TensorFlow's, as `TensorProto.dtype` has it."""
    numpy: np.dtype[Any]
    field: str
    """The field of a `TensorProto` that holds such values."""
    kserve: str
    """The name in KServe's protocol."""
    plain: str
    """The name in TensorFlow's messages."""


def _dtype(name: str, number: int, kind: Any, field: str, kserve: str, plain: str) -> DType:
    return DType(
        name=name, number=number, numpy=np.dtype(kind), field=field, kserve=kserve, plain=plain
    )


DTYPES: Final = (
    _dtype("DT_FLOAT", 1, np.float32, "float_val", "FP32", "float"),
    _dtype("DT_DOUBLE", 2, np.float64, "double_val", "FP64", "double"),
    _dtype("DT_INT32", 3, np.int32, "int_val", "INT32", "int32"),
    _dtype("DT_UINT8", 4, np.uint8, "int_val", "UINT8", "uint8"),
    _dtype("DT_INT16", 5, np.int16, "int_val", "INT16", "int16"),
    _dtype("DT_INT8", 6, np.int8, "int_val", "INT8", "int8"),
    _dtype("DT_STRING", 7, object, "string_val", "BYTES", "string"),
    _dtype("DT_INT64", 9, np.int64, "int64_val", "INT64", "int64"),
    _dtype("DT_BOOL", 10, np.bool_, "bool_val", "BOOL", "bool"),
    _dtype("DT_UINT16", 17, np.uint16, "int_val", "UINT16", "uint16"),
    _dtype("DT_HALF", 19, np.float16, "half_val", "FP16", "half"),
    _dtype("DT_UINT32", 22, np.uint32, "uint32_val", "UINT32", "uint32"),
    _dtype("DT_UINT64", 23, np.uint64, "uint64_val", "UINT64", "uint64"),
)
BY_NAME: Final[Mapping[str, DType]] = {dtype.name: dtype for dtype in DTYPES}
BY_NUMBER: Final[Mapping[int, DType]] = {dtype.number: dtype for dtype in DTYPES}
BY_NUMPY: Final[Mapping[np.dtype[Any], DType]] = {dtype.numpy: dtype for dtype in DTYPES}
BY_KSERVE: Final[Mapping[str, DType]] = {dtype.kserve: dtype for dtype in DTYPES}

FLOAT: Final = BY_NAME["DT_FLOAT"]
STRING: Final = BY_NAME["DT_STRING"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """What a signature says of one input or output."""

    dtype: DType
    shape: tuple[int, ...] | None
    """With -1 for a free size; None where even the rank is free."""
    name: str = ""
    """The tensor's name inside the graph, as metadata prints it."""


class Method(Enum):
    """What a signature is for; the values are TensorFlow Serving's."""

    PREDICT = "tensorflow/serving/predict"
    CLASSIFY = "tensorflow/serving/classify"
    REGRESS = "tensorflow/serving/regress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way to ask a model.

    A CLASSIFY signature takes features of examples as inputs, each [batch, n], and answers `classes`
    (strings [batch, k], or without it no names) and `scores` [batch, k]; REGRESS answers `outputs` [batch].
    """

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    method: Method = Method.PREDICT


DEFAULT_SIGNATURE: Final = "serving_default"


def text(values: Any) -> Tensor:
    """Strings or bytes, nested in lists or not -> a tensor of strings."""
    array = np.array(values, dtype=object)
    flat = [value.encode() if isinstance(value, str) else bytes(value) for value in array.flat]
    found: Tensor = np.empty(array.shape, dtype=object)
    found.reshape(-1)[:] = flat
    return found
