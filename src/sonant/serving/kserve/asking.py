"""An inference request taken apart: JSON, and behind it binary tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sonant.serving.kserve.payload import from_binary, from_json, parsed, shape_of
from sonant.serving.status import Code, Refusal, invalid
from sonant.serving.tensors import BY_KSERVE, DType, Tensor

JSON_LENGTH: Final = "inference-header-content-length"
"""The header with the bytes of JSON; what follows them are tensors."""
SIGNATURE: Final = "signature_name"
"""The parameter of a request that names a signature, as in TensorFlow Serving's JSON."""
LONGEST_NAME: Final = 1024
MOST_MICROS: Final = 10**15
"""A timeout beyond this is as good as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One input."""

    datatype: DType
    tensor: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One output that was asked for."""

    name: str
    binary: bool
    classes: int = 0
    """How many of the best to tell, as "score:index:label"; 0: the values themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    id: str | None = None
    signature: str = ""
    """The name of the signature; "" leaves it to the inputs."""
    inputs: Mapping[str, Given] = field(default_factory=dict)
    outputs: tuple[Wanted, ...] = ()
    """None: all."""
    binary: bool = False
    """Whether outputs that say nothing of it are binary."""
    timeout_s: float | None = None
    raw: memoryview | None = None
    """The only input, as bytes and without any JSON."""


def read(body: bytes, length: str | None) -> Asked:
    """Take a request apart; `length` is the header of that name.

    Raises `Refusal` (INVALID_ARGUMENT) naming what is wrong, UNIMPLEMENTED for shared memory.
    """
    view = memoryview(body)
    if length is None:
        return _asked(parsed(body), view[len(body) :])
    size = int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else -1
    if not 0 <= size <= len(body):
        raise invalid(f"{JSON_LENGTH} is '{length}', but the body has {len(body)} bytes")
    if size == 0 and body:
        return Asked(raw=view, binary=True)
    return _asked(parsed(view[:size]), view[size:])


def parameters_of(tree: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """The `parameters` of an object, none where it has none."""
    found = tree.get("parameters", {})
    if not isinstance(found, dict):
        raise invalid(f"{what}: 'parameters' is no object")
    if "shared_memory_region" in found:
        raise Refusal(Code.UNIMPLEMENTED, f"{what}: shared memory is not supported")
    return found


def _asked(tree: object, tail: memoryview) -> Asked:
    if not isinstance(tree, dict):
        raise invalid("the request is no JSON object")
    name = tree.get("id")
    if not isinstance(name, str | None):
        raise invalid("'id' is no string")
    parameters = parameters_of(tree, "the request")
    binary = _flag(parameters, "binary_data_output", "the request")
    return Asked(
        id=name,
        signature=_signature(parameters),
        inputs=_inputs(_objects(tree, "inputs"), tail),
        outputs=tuple(_wanted(part, binary) for part in _objects(tree, "outputs", least=0)),
        binary=bool(binary),
        timeout_s=_timeout_s(parameters),
    )


def _inputs(parts: list[dict[str, Any]], tail: memoryview) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for part in parts:
        name = _name(part, "input")
        if name in found:
            raise invalid(f"input '{name}' is there twice")
        dtype = _datatype(part, name)
        shape = shape_of(part.get("shape"), name)
        size = parameters_of(part, f"input '{name}'").get("binary_data_size")
        if size is None:
            tensor = from_json(part.get("data"), dtype, shape, name=name)
        else:
            if type(size) is not int or not 0 <= size <= len(tail):
                raise invalid(
                    f"input '{name}': 'binary_data_size' is no number of bytes, or more than "
                    f"the {len(tail)} that are left"
                )
            tensor = from_binary(tail[:size], dtype, shape, name=name)
            tail = tail[size:]
        found[name] = Given(datatype=dtype, tensor=tensor)
    if tail:
        raise invalid(f"{len(tail)} bytes of binary data belong to no input")
    return found


def _datatype(part: Mapping[str, Any], name: str) -> DType:
    found = part.get("datatype")
    dtype = BY_KSERVE.get(found) if isinstance(found, str) else None
    if dtype is None:
        raise invalid(f"input '{name}': 'datatype' is none of {', '.join(BY_KSERVE)}")
    return dtype


def _wanted(part: dict[str, Any], binary: bool | None) -> Wanted:
    name = _name(part, "output")
    parameters = parameters_of(part, f"output '{name}'")
    own = _flag(parameters, "binary_data", f"output '{name}'")
    classes = parameters.get("classification", 0)
    if type(classes) is not int or classes < 0:
        raise invalid(f"output '{name}': 'classification' is no number of classes")
    return Wanted(name=name, binary=bool(binary if own is None else own), classes=classes)


def _objects(tree: Mapping[str, Any], key: str, *, least: int = 1) -> list[dict[str, Any]]:
    found = tree.get(key, [])
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        raise invalid(f"'{key}' is no list of objects")
    if len(found) < least:
        raise invalid(f"'{key}' is missing, or empty")
    return found


def _name(part: Mapping[str, Any], what: str) -> str:
    name = part.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise invalid(f"an {what} has no 'name' of at most {LONGEST_NAME} characters")
    return name


def _flag(parameters: Mapping[str, Any], key: str, what: str) -> bool | None:
    value = parameters.get(key)
    if not isinstance(value, bool | None):
        raise invalid(f"{what}: '{key}' is neither true nor false")
    return value


def _signature(parameters: Mapping[str, Any]) -> str:
    name = parameters.get(SIGNATURE, "")
    if not isinstance(name, str):
        raise invalid(f"the request: '{SIGNATURE}' is no string")
    return name


def _timeout_s(parameters: Mapping[str, Any]) -> float | None:
    """Triton's parameter is in microseconds; 0 means none."""
    micros = parameters.get("timeout", 0)
    # Their client sends numbers, KServe's own examples strings.
    if type(micros) is str and micros.isascii() and micros.isdecimal() and len(micros) < 19:
        micros = int(micros)
    if type(micros) is not int or micros < 0:
        raise invalid("the request: 'timeout' is no number of microseconds")
    return min(micros, MOST_MICROS) / 1e6 if micros else None
