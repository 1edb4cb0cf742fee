"""Tensors -> the body of a reply, in the form the question came in."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import orjson

from sonant.serving.rest.decimals import decimals
from sonant.serving.status import Refusal, invalid
from sonant.serving.tensors import BY_NUMPY, Tensor, Tensors

BYTES_SUFFIX: Final = "_bytes"
"""Outputs named so are bytes, and others text, where their type is string."""


def predictions(outputs: Tensors, *, nan: bool = True) -> bytes:
    """`{"predictions": [row, ...]}`; a lone output goes without its name.

    `nan=False` writes null for what is not finite. Raises `Refusal` (INVALID_ARGUMENT) where outputs
    have no rows, or not the same number of them.
    """
    _check_any(outputs)
    count = _rows(outputs)
    columns = {
        name: _grouped(tensor, _texts(name, tensor, nan)) for name, tensor in outputs.items()
    }
    if len(columns) == 1:
        (rows,) = columns.values()
    else:
        names = [_quoted(name) for name in columns]
        rows = [
            _object(names, [column[row] for column in columns.values()]) for row in range(count)
        ]
    return f'{{"predictions":[{",".join(rows)}]}}'.encode()


def columns(outputs: Tensors, *, nan: bool = True) -> bytes:
    """`{"outputs": value}`, or an object of values where there are several."""
    _check_any(outputs)
    values = [_whole(name, tensor, nan) for name, tensor in outputs.items()]
    if len(values) == 1:
        return f'{{"outputs":{values[0]}}}'.encode()
    return f'{{"outputs":{_object([_quoted(name) for name in outputs], values)}}}'.encode()


def classification(outputs: Tensors, *, nan: bool = True) -> bytes:
    """`{"results": [[[label, score], ...], ...]}` from `scores` [batch, k], `classes` or none."""
    scores = outputs.get("scores")
    classes = outputs.get("classes")
    known = scores if scores is not None else classes
    if known is None or not known.ndim or not len(known):
        raise invalid("Cannot convert empty ClassificationResults to JSON")
    shape = (len(known), known.size // len(known))
    numbers = np.zeros(shape, np.float32) if scores is None else scores
    names = np.full(shape, b"", dtype=object) if classes is None else classes
    if numbers.size != names.size:
        raise invalid(f"{names.size} classes have {numbers.size} scores")
    pairs = [
        f"[{name},{number}]"
        for name, number in zip(
            _texts("classes", names, nan), _texts("scores", numbers, nan), strict=True
        )
    ]
    return f'{{"results":[{",".join(_in_lists(pairs, shape))}]}}'.encode()


def regression(outputs: Tensors, *, nan: bool = True) -> bytes:
    """`{"results": [value, ...]}` from `outputs` [batch] or [batch, 1]."""
    values = outputs.get("outputs")
    if values is None or not values.size:
        raise invalid("Cannot convert empty RegressionResults to JSON")
    return f'{{"results":[{",".join(_texts("outputs", values, nan))}]}}'.encode()


def _check_any(outputs: Tensors) -> None:
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")


def _rows(outputs: Tensors) -> int:
    found: int | None = None
    # From the last name, as upstream's map happens to have them.
    for name in sorted(outputs, reverse=True):
        shape = outputs[name].shape
        if not shape:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if found not in (None, shape[0]):
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {shape[0]} expecting: {found}"
            )
        found = shape[0]
    return found or 0


def _whole(name: str, tensor: Tensor, nan: bool) -> str:
    texts = _texts(name, tensor, nan)
    return f"[{','.join(_grouped(tensor, texts))}]" if tensor.ndim else texts[0]


def _grouped(tensor: Tensor, texts: list[str]) -> list[str]:
    return _in_lists(texts, tensor.shape)


def _in_lists(texts: list[str], shape: Sequence[int]) -> list[str]:
    """The texts of all elements -> one text for each entry of the first axis."""
    for axis in range(len(shape) - 1, 0, -1):
        size = shape[axis]
        count = math.prod(shape[:axis])
        texts = [f"[{','.join(texts[row * size : (row + 1) * size])}]" for row in range(count)]
    return texts


def _texts(name: str, tensor: Tensor, nan: bool) -> list[str]:
    """The text of each element, flat."""
    kind = tensor.dtype.kind
    if tensor.dtype not in BY_NUMPY:
        raise _unwritable(tensor)
    if kind == "f":
        wide = tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor
        return decimals(wide, nan=nan)
    values = tensor.ravel().tolist()
    if kind == "O":
        if name.endswith(BYTES_SUFFIX):
            return [f'{{"b64":"{base64.b64encode(value).decode()}"}}' for value in values]
        return [_quoted(value) for value in values]
    if kind == "b":
        return ["true" if value else "false" for value in values]
    return [str(value) for value in values]


def _unwritable(tensor: Tensor) -> Refusal:
    return invalid(f"Failed to write JSON value for tensor type: {tensor.dtype.name}")


def _quoted(value: str | bytes) -> str:
    words = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return orjson.dumps(words).decode()


def _object(names: Sequence[str], values: Sequence[str]) -> str:
    return (
        "{" + ",".join(f"{name}:{value}" for name, value in zip(names, values, strict=True)) + "}"
    )
