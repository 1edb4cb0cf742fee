"""The body of a classify or regress request: examples with features, and the tensors made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

import numpy as np

from sonant.serving.rest.dumping import dump, kind
from sonant.serving.rest.parsing import Json
from sonant.serving.rest.reading import Document
from sonant.serving.rest.values import bytes_of, is_base64, string_bytes
from sonant.serving.status import Refusal, invalid
from sonant.serving.tensors import STRING, Signature, Tensor, Tensors, TensorSpec, text

CONTEXT: Final = "context"
EXAMPLES: Final = "examples"


class Kind(Enum):
    """What a feature holds; one kind only."""

    INT64 = "int64"
    FLOAT = "float"
    BYTES = "bytes"


@dataclass(slots=True)
class Feature:
    """A list of values of one kind; an empty list is of none."""

    kind: Kind | None = None
    values: list[Any] = field(default_factory=list)


Example: TypeAlias = Mapping[str, Feature]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What a classify or regress request holds."""

    signature_name: str
    examples: Sequence[Example]
    context: Example | None
    """Features that all examples have besides their own."""


def examples_of(document: Document) -> Examples:
    """The examples of a request; raises `Refusal` with TensorFlow Serving's words."""
    root = document.root
    signature_name = document.signature_name
    context = _example(root[CONTEXT]) if CONTEXT in root else None
    if EXAMPLES not in root:
        raise invalid(
            f"JSON Value: {dump(root)} When method is classify, key '{EXAMPLES}' is expected "
            f"and was not found"
        )
    rows = root[EXAMPLES]
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {dump(root)} Expecting '{EXAMPLES}' value to be an list/array")
    if not rows:
        raise invalid(f"JSON Value: {dump(root)} '{EXAMPLES}' value is an empty array")
    return Examples(
        signature_name=signature_name, examples=[_example(row) for row in rows], context=context
    )


def tensors_of(examples: Examples, signature: Signature) -> Tensors:
    """One tensor for each input of `signature`, a row an example; raises `Refusal`."""
    shared = examples.context or {}
    rows = [{**shared, **example} for example in examples.examples]
    return {name: _column(rows, name, spec) for name, spec in signature.inputs.items()}


def _example(value: Json) -> Example:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {kind(value)}")
    return {name: _feature(name, content) for name, content in value.items()}


def _feature(name: str, content: Json) -> Feature:
    feature = Feature()
    for value in content if isinstance(content, list) else [content]:
        _add(feature, name, value)
    return feature


def _add(feature: Feature, name: str, value: Json) -> None:
    found = _kind_of(value)
    if found is None:
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {kind(value)}")
    if feature.kind not in (None, found):
        assert feature.kind is not None, "it is none of the two"
        raise invalid(
            f"Unexpected element type in feature: {name} expecting type: {feature.kind.value}"
        )
    feature.kind = found
    if found is Kind.BYTES:
        feature.values.append(bytes_of(value) if isinstance(value, dict) else string_bytes(value))
        return
    if found is Kind.INT64 and value >= 2**63:
        raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    feature.values.append(int(value) if found is Kind.INT64 else value)


def _kind_of(value: Json) -> Kind | None:
    if isinstance(value, bool | int):
        return Kind.INT64
    if isinstance(value, float):
        return Kind.FLOAT
    return Kind.BYTES if isinstance(value, str) or is_base64(value) else None


def _column(rows: Sequence[Example], name: str, spec: TensorSpec) -> Tensor:
    """The feature `name` of each example, [examples, values]; a whole number is no float here."""
    wanted = _kind_wanted(spec)
    found = []
    for number, row in enumerate(rows):
        feature = row.get(name)
        if feature is None or feature.kind is None:
            raise _unfit(number, name, spec, "is required but could not be found")
        if feature.kind is not wanted:
            raise _unfit(
                number, name, spec, f"holds {feature.kind.value}; a float is written with a point"
            )
        found.append(feature.values)
    sizes = {len(values) for values in found}
    if len(sizes) != 1:
        raise invalid(f"Feature: {name} has {sorted(sizes)} values in different examples")
    if spec.dtype is STRING:
        return text(found)
    with np.errstate(over="ignore"):
        return np.array(found).astype(spec.dtype.numpy)


def _kind_wanted(spec: TensorSpec) -> Kind:
    if spec.dtype is STRING:
        return Kind.BYTES
    return Kind.FLOAT if spec.dtype.numpy.kind == "f" else Kind.INT64


def _unfit(number: int, name: str, spec: TensorSpec, what: str) -> Refusal:
    return invalid(f"Example: {number}, Feature: {name} (data type: {spec.dtype.plain}) {what}.")
