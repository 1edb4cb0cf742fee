"""y = x / 2 + 2 in all three manners: the model of TensorFlow Serving's own tests."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from sonant.serving.servable import Servable
from sonant.serving.status import invalid
from sonant.serving.tensors import (
    DEFAULT_SIGNATURE,
    FLOAT,
    STRING,
    Method,
    Signature,
    Tensors,
    TensorSpec,
    text,
)

X = {"x": TensorSpec(dtype=FLOAT, shape=(-1, 1), name="x:0")}
Y = TensorSpec(dtype=FLOAT, shape=(-1, 1), name="y:0")


@dataclass
class HalfPlusTwo(Servable):
    """With `gate`, a run waits until it is opened."""

    gate: threading.Event | None = None
    started: threading.Event | None = None
    runs: int = 0

    def __post_init__(self) -> None:
        classes = {"classes": TensorSpec(dtype=STRING, shape=(-1, 1)), "scores": Y}
        self.signatures = {
            DEFAULT_SIGNATURE: Signature(inputs=X, outputs={"y": Y}),
            "with_copy": Signature(inputs=X, outputs={"y": Y, "x_copy": Y}),
            "words": Signature(
                inputs={"word": TensorSpec(dtype=STRING, shape=(-1,), name="word:0")},
                outputs={"word": TensorSpec(dtype=STRING, shape=(-1,), name="word_out:0")},
            ),
            "classify_x_to_y": Signature(inputs=X, outputs=classes, method=Method.CLASSIFY),
            "regress_x_to_y": Signature(inputs=X, outputs={"outputs": Y}, method=Method.REGRESS),
        }

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        self.runs += 1
        if self.started:
            self.started.set()
        if self.gate:
            assert self.gate.wait(10), "nobody opened the gate"
        if signature == "words":
            return {"word": inputs["word"]}
        x = inputs["x"]
        if np.any(x == 13):
            raise invalid("13 is not taken")
        if np.any(x == 666):
            raise RuntimeError("the beast")
        y = x / 2 + 2
        return {
            DEFAULT_SIGNATURE: {"y": y},
            "with_copy": {"y": y, "x_copy": x},
            "classify_x_to_y": {"classes": text([["half"]] * len(y)), "scores": y},
            "regress_x_to_y": {"outputs": y},
        }[signature]

    def warm_up(self, size: int) -> None:
        self.run(DEFAULT_SIGNATURE, {"x": np.zeros((size, 1), np.float32)})
