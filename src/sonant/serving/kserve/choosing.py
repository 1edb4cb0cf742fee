"""Which loaded version is meant, which signature of it, and whether the inputs fit it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from sonant.serving.kserve.asking import Asked, Given
from sonant.serving.kserve.payload import from_binary
from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec, State
from sonant.serving.status import Code, Refusal, invalid, not_found
from sonant.serving.tensors import DEFAULT_SIGNATURE, STRING, Signature, TensorSpec, text

LARGEST_VERSION: Final = 2**63 - 1


def spec_of(name: str, version: str | None) -> ModelSpec:
    """What a path says; a version that is no number is a label."""
    if version is None:
        return ModelSpec(name=name)
    if version.isascii() and version.isdecimal():
        if len(version) > 19 or int(version) > LARGEST_VERSION:
            raise not_found(f"Request for unknown model: '{name}' version {version} is not found")
        return ModelSpec(name=name, version=int(version))
    return ModelSpec(name=name, label=version)


@contextmanager
def held(service: Service, spec: ModelSpec) -> Iterator[Running]:
    """The version that is meant, for as long as the block runs.

    Raises `Refusal`: NOT_FOUND, or UNAVAILABLE while it is being loaded.
    """
    if spec.name not in service.catalog.names():
        raise not_found(f"Request for unknown model: '{spec.name}' is not found")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(service.catalog.held(spec))
        except Refusal as refusal:
            raise _absent(service, spec, refusal) from refusal
        yield running


def signature_for(running: Running, asked: Asked) -> tuple[str, Signature]:
    """The signature named, or the default one, or else the only one that has just these inputs.

    Raises `Refusal` (INVALID_ARGUMENT) for a name that is none.
    """
    signatures = running.servable.signatures
    if asked.signature:
        return asked.signature, running.signature(asked.signature)
    default = default_signature(running)
    names = set(asked.inputs)
    if names and names != set(signatures[default].inputs):
        fitting = [name for name, one in signatures.items() if set(one.inputs) == names]
        if len(fitting) == 1:
            default = fitting[0]
    return default, signatures[default]


def default_signature(running: Running) -> str:
    """`serving_default`, or the first where there is none of that name."""
    signatures = running.servable.signatures
    return DEFAULT_SIGNATURE if DEFAULT_SIGNATURE in signatures else next(iter(signatures))


def inputs_for(signature: Signature, asked: Asked, *, model: str) -> Mapping[str, Given]:
    """The inputs of a request, each as the signature has it.

    Raises `Refusal` (INVALID_ARGUMENT) in Triton's words.
    """
    if asked.raw is not None:
        return _raw(signature, asked.raw, model)
    for name in asked.inputs:
        if name not in signature.inputs:
            raise invalid(f"unexpected inference input '{name}' for model '{model}'")
    if len(asked.inputs) != len(signature.inputs):
        missing = [name for name in signature.inputs if name not in asked.inputs]
        raise invalid(
            f"expected {len(signature.inputs)} inputs but got {len(asked.inputs)} inputs for model "
            f"'{model}'. Got inputs {list(asked.inputs)}, but missing required inputs {missing}. "
            f"Please provide all required inputs."
        )
    for name, given in asked.inputs.items():
        _check(name, given, signature.inputs[name], model)
    return asked.inputs


def _check(name: str, given: Given, spec: TensorSpec, model: str) -> None:
    if given.datatype is not spec.dtype:
        raise invalid(
            f"inference input '{name}' data-type is '{given.datatype.kserve}', but model '{model}' "
            f"expects '{spec.dtype.kserve}'"
        )
    if spec.shape is None:
        return
    shape = given.tensor.shape
    fits = len(shape) == len(spec.shape) and all(
        wanted in (-1, size) for wanted, size in zip(spec.shape, shape, strict=True)
    )
    # Nothing to ask about is no question.
    if not fits or (shape and spec.shape[0] == -1 and not shape[0]):
        raise invalid(
            f"unexpected shape for input '{name}' for model '{model}'. "
            f"Expected {list(spec.shape)}, got {list(shape)}"
        )


def _raw(signature: Signature, raw: memoryview, model: str) -> Mapping[str, Given]:
    """A body that is nothing but one tensor: one row, its only free axis as long as it has to be."""
    if len(signature.inputs) != 1:
        raise invalid(f"a raw request has one input, but model '{model}' has several")
    ((name, spec),) = signature.inputs.items()
    if spec.dtype is STRING:
        given = Given(datatype=spec.dtype, tensor=text([bytes(raw)]))
    else:
        inner = (spec.shape or ())[1:]
        known = math.prod(size for size in inner if size != -1) * spec.dtype.numpy.itemsize
        if inner.count(-1) > 1 or not known:
            raise invalid(f"the shape of the raw input '{name}' cannot be told from its length")
        shape = (1, *(len(raw) // known if size == -1 else size for size in inner))
        given = Given(datatype=spec.dtype, tensor=from_binary(raw, spec.dtype, shape, name=name))
    _check(name, given, spec, model)
    return {name: given}


def _absent(service: Service, spec: ModelSpec, refusal: Refusal) -> Refusal:
    """Why a model that exists has not the version that is asked for."""
    if refusal.code is not Code.NOT_FOUND:
        return refusal
    statuses = service.catalog.statuses(ModelSpec(name=spec.name))
    meant = [status for status in statuses if spec.version in (None, status.version)]
    what = f"'{spec.name}'" + ("" if spec.version is None else f" version {spec.version}")
    if any(status.state in (State.START, State.LOADING) for status in meant):
        return Refusal(
            Code.UNAVAILABLE, f"Request for model {what} that is loading", retry_after_s=1.0
        )
    if spec.version is None:
        return not_found(f"Request for unknown model: {what} has no available versions")
    if meant:
        return not_found(f"Request for unknown model: {what} is not at ready state")
    return not_found(f"Request for unknown model: {what} is not found")
