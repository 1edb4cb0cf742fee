"""The tiny models of the conformance table: half plus two, identities, two inputs, two outputs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sonant.serving.catalog import Catalog
from sonant.serving.servable import Servable
from sonant.serving.tensors import (
    DEFAULT_SIGNATURE,
    DTYPES,
    FLOAT,
    STRING,
    DType,
    Method,
    Signature,
    Tensors,
    TensorSpec,
)

CLASSIFY: Final = "classify_x_to_y"
REGRESS: Final = "regress_x_to_y"
FOREIGN: Final = (
    replace(FLOAT, name="DT_BFLOAT16", number=14, plain="bfloat16"),
    replace(FLOAT, name="DT_COMPLEX64", number=8, plain="complex64", numpy=np.dtype(np.complex64)),
    replace(
        FLOAT, name="DT_COMPLEX128", number=18, plain="complex128", numpy=np.dtype(np.complex128)
    ),
)
"""Types that graphs have and JSON has no way into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A model as a catalog takes it."""

    name: str
    version: int
    servable: Servable
    labels: tuple[str, ...] = ()


class Fake(Servable):
    """Answers at once, and takes any shape."""

    gate: threading.Event | None = None
    """While it is closed, runs wait."""

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        if self.gate:
            assert self.gate.wait(20), "nobody opened the gate"
        return self.outputs(signature, inputs)

    def outputs(self, signature: str, inputs: Tensors) -> Tensors:
        raise NotImplementedError

    def warm_up(self, size: int) -> None:
        """There is nothing to warm."""


class HalfPlus(Fake):
    """y = x / 2 + `constant`; also as a classification with one class without a name, and a regression."""

    def __init__(self, constant: float = 2.0, *, gate: threading.Event | None = None) -> None:
        self.constant = constant
        self.gate = gate
        x, y = {"x": column("x:0")}, column("y:0")
        self.signatures = {
            DEFAULT_SIGNATURE: Signature(inputs=x, outputs={"y": y}),
            CLASSIFY: Signature(inputs=x, outputs={"scores": y}, method=Method.CLASSIFY),
            REGRESS: Signature(inputs=x, outputs={"outputs": y}, method=Method.REGRESS),
        }

    def outputs(self, signature: str, inputs: Tensors) -> Tensors:
        y = (inputs["x"] / 2 + self.constant).astype(np.float32)
        if signature == REGRESS:
            return {"outputs": y.reshape(len(y))}
        return {"scores" if signature == CLASSIFY else "y": y}


class Passing(Fake):
    """Outputs are inputs under other names."""

    def __init__(self, names: Mapping[str, str], dtypes: Mapping[str, DType]) -> None:
        """Output -> input, and the type of each input."""
        self.names = names
        inputs = {name: any_shape(dtype, name) for name, dtype in dtypes.items()}
        outputs = {name: any_shape(dtypes[source], name) for name, source in names.items()}
        self.signatures = {DEFAULT_SIGNATURE: Signature(inputs=inputs, outputs=outputs)}

    def outputs(self, signature: str, inputs: Tensors) -> Tensors:
        return {name: inputs[source] for name, source in self.names.items()}


class Fanout(Fake):
    """y = x / 2 + 2, and x again."""

    def __init__(self) -> None:
        outputs = {"y": any_shape(FLOAT, "y"), "x_copy": any_shape(FLOAT, "x_copy")}
        self.signatures = {
            DEFAULT_SIGNATURE: Signature(inputs={"x": any_shape(FLOAT, "x")}, outputs=outputs)
        }

    def outputs(self, signature: str, inputs: Tensors) -> Tensors:
        x = inputs["x"]
        return {"y": np.asarray(x / 2 + 2, np.float32), "x_copy": x}


def table_models(*, gate: threading.Event | None = None) -> Iterator[Named]:
    """All models that the table's `models` speaks of; `gate` holds up those that halve."""
    yield Named(name="half_plus_two", version=123, servable=HalfPlus(gate=gate), labels=("prod",))
    yield Named(name="multi", version=1, servable=HalfPlus(2.0), labels=("stable",))
    yield Named(name="multi", version=2, servable=HalfPlus(3.0), labels=("canary",))
    for dtype in (*DTYPES, *FOREIGN):
        servable = Passing({"y": "x"}, {"x": dtype})
        yield Named(name=f"id_{dtype.plain}", version=1, servable=servable)
    yield Named(name="id_bytes", version=1, servable=Passing({"y_bytes": "x"}, {"x": STRING}))
    pair = Passing({"a_out": "a", "b_out": "b"}, {"a": FLOAT, "b": named_dtype("int32")})
    yield Named(name="two_in", version=1, servable=pair)
    yield Named(name="fanout", version=1, servable=Fanout())


def fill(catalog: Catalog, *, gate: threading.Event | None = None) -> None:
    """Put the table's models into a catalog."""
    for model in table_models(gate=gate):
        catalog.add(model.name, model.version, model.servable, labels=model.labels)


def named_dtype(plain: str) -> DType:
    """The type of that name."""
    return next(dtype for dtype in (*DTYPES, *FOREIGN) if dtype.plain == plain)


def column(name: str) -> TensorSpec:
    """Floats [-1, 1]."""
    return TensorSpec(dtype=FLOAT, shape=(-1, 1), name=name)


def any_shape(dtype: DType, name: str) -> TensorSpec:
    """Of any rank."""
    return TensorSpec(dtype=dtype, shape=None, name=f"{name}:0")
