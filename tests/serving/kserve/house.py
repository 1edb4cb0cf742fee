"""A service with small models in it, asked without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonant.serving import kserve
from sonant.serving.catalog import Catalog
from sonant.serving.http import Reply, Request
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.servable import Servable
from sonant.serving.service import Service
from sonant.serving.status import invalid
from sonant.serving.streams.hub import Hubs
from sonant.serving.tensors import (
    DEFAULT_SIGNATURE,
    DTYPES,
    FLOAT,
    STRING,
    Signature,
    Tensors,
    TensorSpec,
    text,
)

LABELS = ("high", "low", "mid")


class Thirds(Servable):
    """Clips [batch, n] -> three scores each: the first three samples; and what the best is called."""

    labels = LABELS

    def __init__(self) -> None:
        scores = TensorSpec(dtype=FLOAT, shape=(-1, 3))
        label = TensorSpec(dtype=STRING, shape=(-1,))
        outputs = {"scores": scores, "label": label}
        samples = {"samples": TensorSpec(dtype=FLOAT, shape=(-1, -1))}
        pcm = {"pcm": TensorSpec(dtype=STRING, shape=(-1,))}
        self.signatures = {
            DEFAULT_SIGNATURE: Signature(inputs=samples, outputs=outputs),
            "pcm": Signature(inputs=pcm, outputs=outputs),
        }

    def prepare(self, signature: str, inputs: Tensors) -> Tensors:
        if "samples" in inputs:
            if inputs["samples"].shape[1] < 3:
                raise invalid("too short")
            return inputs
        clips = [np.frombuffer(clip, "<i2")[:3] / 2**15 for clip in inputs["pcm"]]
        return {"samples": np.array(clips, np.float32)}

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        scores = inputs["samples"][:, :3]
        if np.any(scores == 666):
            raise RuntimeError("the beast")
        return {"scores": scores, "label": text([LABELS[best] for best in scores.argmax(axis=1)])}

    def warm_up(self, size: int) -> None:
        """Nothing to warm."""


class Same(Servable):
    """What goes in comes out: one signature for each type, and one input, of the type's name."""

    def __init__(self) -> None:
        self.signatures = {}
        for dtype in DTYPES:
            spec = {dtype.kserve: TensorSpec(dtype=dtype, shape=None)}
            self.signatures[dtype.kserve] = Signature(inputs=spec, outputs=spec)

    def batches(self, signature: str) -> bool:
        return False

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        return inputs

    def warm_up(self, size: int) -> None:
        """Nothing to warm."""


@dataclass
class House:
    """The service, and the loop it lives on."""

    service: Service
    runner: asyncio.Runner

    def ask(
        self, method: str, path: str, body: object = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request; a body that is no bytes goes as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method=method, target=path, headers=headers or {}, body=content)
        return self.runner.run(kserve.answer(self.service, request))

    def get(self, path: str) -> Any:
        """The JSON of a reply that has to be good."""
        reply = self.ask("GET", path)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def infer(self, model: str, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        """An inference request."""
        return self.ask("POST", f"/v2/models/{model}/infer", body, headers)


def nothing_to_load(folder: Path) -> Servable:
    raise AssertionError(f"{folder}: nothing is loaded from a folder here")


@contextmanager
def built(**options: Any) -> Iterator[House]:
    """`thirds`, versions 1 and 3 (the third is `stable`), and `same`, version 1."""
    with asyncio.Runner() as runner, ThreadPoolExecutor(2) as executor:

        async def build() -> Service:
            metrics = Metrics()
            said = Options(**options)
            catalog = Catalog(
                options=said, load=nothing_to_load, executor=executor, on_run=metrics.ran
            )
            metrics.known = catalog.names
            catalog.add("thirds", 1, Thirds())
            catalog.add("thirds", 3, Thirds(), labels=["stable"])
            catalog.add("same", 1, Same())
            hubs = Hubs(executor, metrics)
            return Service(options=said, catalog=catalog, metrics=metrics, hubs=hubs)

        service = runner.run(build())
        yield House(service, runner)
        runner.run(service.catalog.stop())


def tensor(name: str, datatype: str, data: Any, shape: list[int] | None = None) -> dict[str, Any]:
    """An input as JSON."""
    found = np.shape(data) if shape is None else shape
    return {"name": name, "datatype": datatype, "shape": list(found), "data": data}
