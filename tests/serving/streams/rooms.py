"""A service with models that hear tones, and no server around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonant.audio import to_pcm16
from sonant.card import Card
from sonant.card.revision import revise
from sonant.runtime.session import StreamGraph
from sonant.serving.batching import Batching
from sonant.serving.options import Options
from sonant.serving.running import Running
from sonant.serving.servable import Servable
from sonant.serving.speaker_bundles import SpeakerServable
from sonant.serving.spec import ModelSpec
from sonant.serving.status import not_found
from sonant.serving.streams.hub import Hubs
from sonant.serving.tensors import Tensors
from sonant.speakers.store import SpeakerStore
from tone_stream import spoken

SAID = ("_silence_", "high", "_silence_", "low", "_silence_")
SOUND = spoken(*SAID, seconds=0.6)
HIGH_MS, LOW_MS = 600, 1800
"""When the tones begin."""
PCM = to_pcm16(SOUND).astype("<i2").tobytes()
QUIET = bytes(2 * 16_000)
CHUNK = 640
"""Bytes of 20 ms."""
DECISION = {"threshold": 0.5, "release": 0.4, "smoothing_ms": 50.0, "refractory_ms": 200.0}


class Hearing(Servable):
    """A model that hears streams, and does nothing else."""

    def __init__(self, bundle: Path | None) -> None:
        self.signatures = {}
        if bundle is not None:
            self.stream = StreamGraph(Card.read(bundle))
            self.labels = self.stream.card.labels

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        raise NotImplementedError

    def warm_up(self, size: int) -> None:
        raise NotImplementedError


@dataclass
class Shelf:
    """A catalog of what it was given."""

    models: dict[str, Running] = field(default_factory=dict)

    def names(self) -> list[str]:
        return list(self.models)

    @contextmanager
    def held(self, spec: ModelSpec) -> Iterator[Running]:
        running = self.models.get(spec.name)
        if running is None or spec.version not in (None, running.version):
            raise not_found(f"Servable not found for request: Latest({spec.name})")
        with running.held():
            yield running


@dataclass
class Counts:
    """Metrics that remember."""

    streams: int = 0
    steps: list[int] = field(default_factory=list)

    def stream(self, model: str, delta: int) -> None:
        self.streams += delta

    def step(self, model: str, streams: int, seconds: float) -> None:
        assert seconds > 0
        self.steps.append(streams)


@contextmanager
def service(
    *bundles: Path | None,
    max_streams: int = 1024,
    voices: Path | None = None,
    store: SpeakerStore | None = None,
    **options: Any,
) -> Iterator[Any]:
    """What protocols share, with a model `tones`, `tones1`, ... for each bundle; None does not stream.

    `voices` is a speaker bundle, the model `voices`, and `store` who is enrolled with it.
    """
    with ThreadPoolExecutor(2 if voices else 1) as executor:
        models = {}
        for number, bundle in enumerate(bundles):
            name = f"tones{number or ''}"
            models[name] = Running(
                Hearing(bundle), name=name, version=3, executor=executor, batching=Batching()
            )
        if voices is not None:
            models["voices"] = Running(
                SpeakerServable(Card.read(voices)),
                name="voices",
                version=1,
                executor=executor,
                batching=Batching(),
            )
        metrics = Counts()
        yield SimpleNamespace(
            options=Options(max_streams=max_streams, **options),
            catalog=Shelf(models),
            metrics=metrics,
            hubs=Hubs(executor, metrics, max_streams=max_streams, keeps_recent=store is not None),
            draining=asyncio.Event(),
            live={},
            store=store,
        )


def is_empty(service: Any) -> bool:
    """Whether nothing is left of any stream."""
    held = sum(running.in_hand for running in service.catalog.models.values())
    return not (
        held or len(service.hubs) or service.hubs.seats or service.metrics.streams or service.live
    )


def with_decision(bundle: Path, *, labels: tuple[str, ...] = ()) -> Path:
    """The next version, which decides by `DECISION`; only `labels`, where given, are keywords."""
    card = Card.read(bundle)
    background = [name for name in card.labels if labels and name not in labels] or ["_silence_"]
    point = {"decision": {**DECISION, "background": background}}
    return revise(card, files={}, changes={"operating_point": point})


def chunks(data: bytes, size: int = CHUNK) -> Iterator[bytes]:
    """Pieces as a client sends them."""
    return (data[at : at + size] for at in range(0, len(data), size))


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop go on until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def detections(events: list[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, int]]:
    """(name, time in ms) of each."""
    return [(data["name"], data["timestamp"]) for kind, data in events if kind == "detection"]


def floats(sound: NDArray[np.float32]) -> bytes:
    return sound.astype("<f4").tobytes()
