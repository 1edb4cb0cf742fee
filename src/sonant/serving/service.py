"""What all protocols of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Self, final

from sonant.serving.bundles import open_bundle
from sonant.serving.catalog import Catalog
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.speaker_guards import guards_of
from sonant.serving.streams.hub import Hubs
from sonant.speakers.store import SpeakerStore


@final
@dataclass(slots=True, kw_only=True)
class Service:
    """The models, the numbers about them, the live streams, and whether the server is going."""

    options: Options
    catalog: Catalog
    metrics: Metrics
    hubs: Hubs
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server was told to end: nothing new begins, live streams say goodbye."""
    live: dict[object, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """Open streams, each with the way to end it politely."""

    store: SpeakerStore | None = field(init=False, default=None)
    """Enrolled speakers; None where the options name no store."""

    @classmethod
    def of(cls, options: Options, executor: ThreadPoolExecutor) -> Self:
        """A service of bundles whose runs and steps go to `executor`; it has no models yet.

        Raises `ServeError` for a bad batching file or a threshold that is none, `BundleError` for a detector
        and `StoreError` for a store that cannot be used.
        """
        metrics = Metrics()
        load = partial(open_bundle, guards=guards_of(options))
        catalog = Catalog(options=options, load=load, executor=executor, on_run=metrics.ran)
        metrics.known = catalog.names
        hubs = Hubs(
            executor,
            metrics,
            max_streams=options.max_streams,
            keeps_recent=bool(options.speaker_store),
        )
        return cls(options=options, catalog=catalog, metrics=metrics, hubs=hubs)

    def __post_init__(self) -> None:
        """Open the store of speakers; raises `StoreError` where it cannot be used."""
        if self.options.speaker_store:
            self.store = SpeakerStore(self.options.speaker_store)

    def close(self) -> None:
        """Let go of the store, once nothing is answered any more."""
        if self.store:
            self.store.close()

    @property
    def ready(self) -> bool:
        """Whether every configured model answers, and the server is not going."""
        return self.catalog.ready and not self.draining.is_set()
