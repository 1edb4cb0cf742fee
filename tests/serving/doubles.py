"""Servables for tests of the core: what they do can be read in one look."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from sonant.serving.servable import Servable
from sonant.serving.status import invalid
from sonant.serving.tensors import DEFAULT_SIGNATURE, FLOAT, Signature, Tensors, TensorSpec


@dataclass
class Doubling(Servable):
    """y = 2 x; a request with a 13 in it is refused, a run with a 666 in it fails."""

    runs: list[int] = field(default_factory=list)
    """Rows of each run."""
    gate: threading.Event | None = None
    """While it is closed, runs wait."""
    joins: bool = True

    def __post_init__(self) -> None:
        ends = (
            {"x": TensorSpec(dtype=FLOAT, shape=None)},
            {"y": TensorSpec(dtype=FLOAT, shape=None)},
        )
        self.signatures = {DEFAULT_SIGNATURE: Signature(inputs=ends[0], outputs=ends[1])}

    def prepare(self, signature: str, inputs: Tensors) -> Tensors:
        if np.any(inputs["x"] == 13):
            raise invalid("13 is not taken")
        return inputs

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        if self.gate:
            assert self.gate.wait(10), "nobody opened the gate"
        self.runs.append(len(inputs["x"]) if inputs["x"].ndim else 1)
        if np.any(inputs["x"] == 666):
            raise RuntimeError("the beast")
        return {"y": inputs["x"] * 2}

    def batches(self, signature: str) -> bool:
        return self.joins

    def warm_up(self, size: int) -> None:
        self.run(DEFAULT_SIGNATURE, {"x": np.zeros((size, 1), np.float32)})


def x(*values: float) -> Tensors:
    """One request, a row a value."""
    return {"x": np.array(values, np.float32)[:, None]}
