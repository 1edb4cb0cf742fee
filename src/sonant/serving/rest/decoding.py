"""The body of a predict request -> tensors: by rows ("instances") or by columns ("inputs")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

from sonant.serving.rest.dumping import dump
from sonant.serving.rest.parsing import Json
from sonant.serving.rest.reading import Document
from sonant.serving.rest.values import (
    Decoded,
    decode,
    is_base64,
    joined,
    quick_tensor,
    tensor_of,
)
from sonant.serving.status import Refusal, invalid
from sonant.serving.tensors import Tensors, TensorSpec

INSTANCES: Final = "instances"
INPUTS: Final = "inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a predict request holds."""

    by_rows: bool
    """Whether it came as "instances", which says what form the answer has."""
    inputs: Tensors


def asked(document: Document, specs: Mapping[str, TensorSpec], *, strict: bool) -> Asked:
    """The tensors of a predict request for a signature with the inputs `specs`.

    Raises `Refusal` with TensorFlow Serving's words; `strict` goes without our stricter ranges.
    """
    root = document.root
    if not specs:
        raise invalid(
            f"Failed to get input map for signature: {document.signature_name or 'DEFAULT'}"
        )
    if INSTANCES not in root:
        if INPUTS not in root:
            raise invalid(f"Missing '{INPUTS}' or '{INSTANCES}' key")
        columns = _columns(root[INPUTS], specs, numeric=document.numeric, strict=strict)
        return Asked(by_rows=False, inputs=columns)
    if INPUTS in root:
        raise invalid(
            f"JSON Value: {dump(root)} Not formatted correctly expecting only one of "
            f"'{INPUTS}' or '{INSTANCES}' keys to exist "
        )
    rows = root[INSTANCES]
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {dump(root)} Expecting '{INSTANCES}' to be an list/array")
    if not rows:
        raise invalid(f"JSON Value: {dump(root)} No values in '{INSTANCES}' array")
    if not isinstance(rows[0], dict) and len(specs) > 1:
        raise invalid(
            f"{INSTANCES} is a plain list, but expecting list of objects as multiple "
            f"input tensors required as per tensorinfo_map"
        )
    quick = _quick_rows(rows, specs) if document.numeric else None
    return Asked(by_rows=True, inputs=quick or _Rows(specs, strict).take(rows))


def _columns(
    value: Json, specs: Mapping[str, TensorSpec], *, numeric: bool, strict: bool
) -> Tensors:
    if not isinstance(value, dict) or is_base64(value):
        if len(specs) > 1:
            raise invalid(
                f"{INPUTS} is a plain value/list, but expecting an object as multiple "
                f"input tensors required as per tensorinfo_map"
            )
        ((name, spec),) = specs.items()
        return {name: tensor_of(value, spec.dtype, numeric=numeric, strict=strict)}
    for name in specs:
        if name not in value:
            raise invalid(f"Missing named input: {name} in '{INPUTS}' object.")
    return {
        name: tensor_of(value[name], spec.dtype, numeric=numeric, strict=strict)
        for name, spec in specs.items()
    }


def _quick_rows(rows: list[Json], specs: Mapping[str, TensorSpec]) -> Tensors | None:
    """All rows at once where nothing is amiss, else None."""
    found = {}
    named = isinstance(rows[0], dict)
    if named and not all(isinstance(row, dict) and row.keys() == specs.keys() for row in rows):
        return None
    for name, spec in specs.items():
        column = [row[name] for row in rows] if named else rows
        tensor = quick_tensor(column, spec.dtype)
        if tensor is None:
            return None
        found[name] = tensor
    return found


@final
@dataclass(slots=True)
class _Rows:
    """Takes row after row, and says which one does not fit."""

    specs: Mapping[str, TensorSpec]
    strict: bool
    columns: dict[str, list[Decoded]] = field(default_factory=dict)

    def take(self, rows: list[Json]) -> Tensors:
        """The rows below each other, one tensor for each input."""
        named = _is_named(rows[0])
        for number, row in enumerate(rows):
            if _is_named(row) != named:
                wanted, got = ("object", "list") if named else ("value/list", "object")
                raise invalid(f"Expecting {wanted} but got {got} at item {number} of input list")
            if named:
                self._take_named(number, row)
            else:
                self._add(number, row, next(iter(self.specs)), where="")
        return {
            name: joined(parts, (len(parts), *parts[0].shape), self.specs[name].dtype)
            for name, parts in self.columns.items()
        }

    def _take_named(self, number: int, row: dict[str, Json]) -> None:
        for name, value in row.items():
            self._add(number, value, name, where=f" key: {name}")
        if row.keys() != self.specs.keys():
            raise invalid(
                f"Failed to process element: {number} of '{INSTANCES}' list. "
                f"JSON object: {dump(row)} keys must be equal to: {','.join(sorted(self.specs))}"
            )

    def _add(self, number: int, value: Json, name: str, *, where: str) -> None:
        try:
            if name not in self.specs:
                raise invalid(f"JSON object: does not have named input: {name}")
            found = decode(value, self.specs[name].dtype, strict=self.strict)
            parts = self.columns.setdefault(name, [])
            if parts:
                _check_same(parts[0], found)
        except Refusal as refusal:
            raise invalid(
                f"Failed to process element: {number}{where} of '{INSTANCES}' list. "
                f"Error: {refusal.code.name}: {refusal.message}"
            ) from refusal
        parts.append(found)


def _check_same(first: Decoded, other: Decoded) -> None:
    if len(first.values) != len(other.values):
        raise invalid(f"Expecting tensor size: {len(first.values)} but got: {len(other.values)}")
    if first.shape != other.shape:
        raise invalid(f"Expecting shape {_listed(first.shape)} but got: {_listed(other.shape)}")


def _listed(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _is_named(row: Json) -> bool:
    return isinstance(row, dict) and not is_base64(row)
