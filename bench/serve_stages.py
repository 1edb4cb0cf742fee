"""Where the time of one request with a second of PCM goes in the server: microseconds of processor, by stage.

    python bench/serve_stages.py [--bundle FOLDER] [--repeats 400] [--core 0]

Each stage is called by itself in this process, on one core, with what the stage before it gave; the
lines "16 at a time" have so many requests under way, as a loaded server has. Time is that of the
processor: what else the machine does at the moment counts for nobody. What is missing from the last line
to the CPU column of bench/serve.py is uvicorn, sockets and the system.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from serve_peers import bodies, material
from sonant.card import Card
from sonant.serving.app import App
from sonant.serving.batching import Batching
from sonant.serving.bundles import open_bundle
from sonant.serving.catalog import Catalog, ServerConfig
from sonant.serving.front import Front
from sonant.serving.http import Reply
from sonant.serving.joining import run_together
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.rest import encoding
from sonant.serving.rest.decoding import asked
from sonant.serving.rest.reading import read
from sonant.serving.running import Running
from sonant.serving.servable import Servable
from sonant.serving.service import Service
from sonant.serving.status import Code
from sonant.serving.streams.hub import Hubs

TOGETHER = 16
DEEPEST = 1_000_000
ROUNDS = 7


class Nothing(Servable):
    """A model that answers at once: what is left is the way to it and back."""

    def __init__(self, other: Servable, outputs: Any) -> None:
        self.signatures, self.outputs = other.signatures, outputs

    def run(self, signature: str, inputs: Any) -> Any:
        """The same answer for every row."""
        rows = len(next(iter(inputs.values())))
        return {name: np.repeat(value, rows, axis=0) for name, value in self.outputs.items()}

    def warm_up(self, size: int) -> None:
        """There is nothing to warm."""


def told(name: str, seconds: float) -> None:
    """One line."""
    print(f"{name:62} {1e6 * seconds:8.1f}", flush=True)


def calls(name: str, repeats: int, work: Callable[[], object], *, rows: int = 1) -> None:
    """Processor time of one call, the median of several rounds, for each of `rows`."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(max(1, repeats // rows)):
            work()
        rounds.append((time.process_time() - began) / max(1, repeats // rows) / rows)
    told(name, statistics.median(rounds))


async def awaits(
    name: str, repeats: int, work: Callable[[], Awaitable[object]], *, together: int
) -> None:
    """The same of something awaited, so many at a time in closed loops."""

    async def loop(count: int) -> None:
        for _ in range(count):
            await work()

    await work()
    rounds = []
    for _ in range(ROUNDS):
        count = max(1, repeats // together)
        began = time.process_time()
        await asyncio.gather(*(loop(count) for _ in range(together)))
        rounds.append((time.process_time() - began) / count / together)
    told(name, statistics.median(rounds))


def request(
    path: str, body: bytes
) -> tuple[dict[str, Any], Callable[..., Any], Callable[..., Any]]:
    """One ASGI request from nobody."""
    headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [*headers, (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def receive() -> Any:
        return messages.pop() if messages else await never

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise SystemExit(f"refused: {message}")

    return scope, receive, send


async def measure(facts: dict[str, Any], body: bytes, repeats: int) -> None:
    """All stages."""
    servable = open_bundle(Path(facts["bundle"]))
    signature = servable.signatures["pcm"]
    document = read(body, deepest=DEEPEST)
    inputs = asked(document, signature.inputs, strict=False).inputs
    prepared = servable.prepare("pcm", inputs)
    outputs = servable.run("pcm", prepared)
    many = {name: np.repeat(value, 8, axis=0) for name, value in prepared.items()}
    options, metrics = Options(access_log=False), Metrics()
    print(f"{'':62} {'us':>8}")
    calls("JSON of the body", repeats, lambda: read(body, deepest=DEEPEST))
    calls(
        "base64, and the tensor", repeats, lambda: asked(document, signature.inputs, strict=False)
    )
    calls("samples from PCM (prepare)", repeats, lambda: servable.prepare("pcm", inputs))
    calls("the graph, batch of 1", repeats, lambda: servable.run("pcm", prepared))
    calls("the graph, a row in a batch of 8", repeats, lambda: servable.run("pcm", many), rows=8)
    eight = [("pcm", inputs)] * 8
    nothing = Nothing(servable, outputs)
    calls("joining 8 requests and taking them apart, one of them", repeats,
          lambda: run_together(nothing, eight, largest=32), rows=8)  # fmt: skip
    calls("text of the reply", repeats, lambda: encoding.predictions(outputs))
    calls("metrics of a request", repeats, lambda: metrics.request(
        "m", api="predict", entrypoint="REST", code=Code.OK, seconds=0.01))  # fmt: skip
    with ThreadPoolExecutor(1) as executor:
        hollow = Running(nothing, name="m", version=1, executor=executor, batching=Batching())
        for together in (1, TOGETHER):
            await awaits(f"queue and thread, the model answering at once, {together} at a time",
                         repeats, lambda: hollow.run("pcm", inputs), together=together)  # fmt: skip
        catalog = Catalog(
            options=options, load=open_bundle, executor=executor,
            on_run=lambda name, version, ran: metrics.ran(name, version, ran),
        )  # fmt: skip
        await catalog.start(ServerConfig())
        service = Service(
            options=options, catalog=catalog, metrics=metrics, hubs=Hubs(executor, metrics)
        )
        await fronts(service, servable, nothing, body, repeats)
        await catalog.stop()


async def fronts(
    service: Service, servable: Servable, nothing: Servable, body: bytes, repeats: int
) -> None:
    """From the ASGI request to its reply."""

    async def at_once(service: Service, request: Any) -> Reply:
        return Reply(body=b"{}")

    async def later(service: Service, request: Any) -> Reply:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return Reply(body=b"{}")

    path = "/v1/models/m:predict"
    for name, answer in (("an answer that is there at once", at_once), ("one to wait for", later)):
        front = Front(service, answer)
        await awaits(f"front, {name}", repeats, lambda front=front: front.http(*request(path, body)),
                     together=1)  # type: ignore[misc]  # fmt: skip
    app = App(service)
    for model, one in (("hollow", nothing), ("whole", servable)):
        service.catalog.add(model, 1, one)
        target = f"/v1/models/{model}:predict"
        what = "the model answering at once" if model == "hollow" else "all of it"
        for together in (1, TOGETHER):
            await awaits(f"application, {what}, {together} at a time", repeats,
                         lambda target=target: app(*request(target, body)),
                         together=together)  # type: ignore[misc]  # fmt: skip


def main() -> None:
    """Prepare, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, help="else the untrained network of bench/stream.py")
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        facts = material.prepare(folder, bundle=options.bundle, network=material.NETWORK)
        os.sched_setaffinity(0, {options.core})
        body = bodies.tf_pcm(np.load(folder / "clips.npy")[0]).data
        card = Card.read(Path(facts["bundle"]))
        print(f"{card.name}: {card.model.parameters:,} parameters, a body of {len(body):,} bytes")
        uvloop.run(measure(facts, body, options.repeats))


if __name__ == "__main__":
    main()
