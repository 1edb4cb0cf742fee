"""`tensorflow.Example`s, as Classify and Regress take them, to the inputs of a signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from sonant.serving.status import invalid
from sonant.serving.tensors import Signature, Tensor, Tensors, TensorSpec

KINDS: Final = {"float_list": "float", "int64_list": "int64", "bytes_list": "string"}
"""Field of a feature -> its values' type, in TensorFlow's words."""
LEAST_BYTES: Final = 64
"""What an example takes in memory even when it is empty; on the wire it takes two."""


def read_examples(proto: Any, signature: Signature, *, limit_bytes: int) -> Tensors:
    """An `Input` -> one tensor [examples, values] for each input of the signature.

    The context's features belong to every example; features that the signature does not know are
    left alone. Raises `Refusal` (INVALID_ARGUMENT): no example, a feature that is missing, of another
    type, or of another length than in the first example, or more than `limit_bytes` in one tensor.
    """
    several, context = _kind(proto)
    if not several:
        raise invalid("Input is empty.")
    if len(several) * LEAST_BYTES > limit_bytes:
        raise invalid(f"{len(several)} examples take more than the {limit_bytes} bytes allowed")
    examples = [example.features.feature for example in several]
    return {
        name: _feature(examples, context, name=name, spec=spec, limit_bytes=limit_bytes)
        for name, spec in signature.inputs.items()
    }


def _kind(proto: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The examples, and the features of all of them."""
    if proto.WhichOneof("kind") == "example_list_with_context":
        listed = proto.example_list_with_context
        return listed.examples, listed.context.features.feature
    return proto.example_list.examples, {}


def _feature(
    examples: Sequence[Mapping[str, Any]],
    context: Mapping[str, Any],
    *,
    name: str,
    spec: TensorSpec,
    limit_bytes: int,
) -> Tensor:
    shared = _values(context[name], name, spec) if name in context else None
    rows: list[Tensor] = []
    for number, example in enumerate(examples):
        row = _values(example[name], name, spec) if name in example else shared
        if row is None:
            raise invalid(
                f"Feature: {name} (data type: {spec.dtype.plain}) is required but could not be "
                f"found in example {number}."
            )
        if rows and len(row) != len(rows[0]):
            raise invalid(
                f"Key: {name}, Index: {number}.  Number of {spec.dtype.plain} values != expected.  "
                f"Values size: {len(row)} but output shape: [{len(rows[0])}]"
            )
        rows.append(row)
    # One large context over very many small examples would be far larger than the message.
    if len(rows) * len(rows[0]) * spec.dtype.numpy.itemsize > limit_bytes:
        raise invalid(f"Feature: {name} of {len(rows)} examples is larger than {limit_bytes} bytes")
    return np.stack(rows)


def _values(feature: Any, name: str, spec: TensorSpec) -> Tensor:
    kind = feature.WhichOneof("kind")
    if kind is None:
        return np.empty(0, spec.dtype.numpy)
    if KINDS[kind] != spec.dtype.plain:
        raise invalid(
            f"Key: {name}.  Data types don't match. Data type: {KINDS[kind]} "
            f"but expected type: {spec.dtype.plain}"
        )
    values = getattr(feature, kind).value
    if kind == "bytes_list":
        found = np.empty(len(values), object)
        found[:] = list(values)
        return found
    return np.fromiter(values, spec.dtype.numpy, len(values))
