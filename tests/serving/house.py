"""The routes of speakers to test with, without a server around them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from serving.doubles import Doubling
from serving.voiced import clip, wav
from sonant.countermeasures.guards import Guards
from sonant.serving.app import App
from sonant.serving.bundles import open_bundle
from sonant.serving.catalog import Catalog
from sonant.serving.http import Reply, Request
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.service import Service
from sonant.serving.streams.hub import Hubs

SPEAKERS: Final = "/v1/speakers"


def b64(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def said(name: str, seed: int = 0) -> dict[str, str]:
    return b64(wav(clip(name, seed=seed)))


SILENCE = b64(wav(0 * clip("ann")))


class House:
    """A server's routes over some models and a store, without a server around them."""

    def __init__(
        self, store: Path | None, models: Mapping[str, Path], *, guards: Guards | None = None
    ) -> None:
        self.store, self.models, self.guards = store, models, guards

    def ask(self, method: str, path: str, body: object = b"") -> Reply:
        return asyncio.run(self._ask(method, path, body))

    def post(self, verb: str, **body: object) -> Any:
        reply = self.ask("POST", f"{SPEAKERS}:{verb}", body)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def refusal(self, verb: str, **body: object) -> tuple[int, str]:
        reply = self.ask("POST", f"{SPEAKERS}:{verb}", body)
        return reply.status, json.loads(reply.body)["error"]

    async def _ask(self, method: str, path: str, body: object) -> Reply:
        options = Options(speaker_store=str(self.store or ""))
        with ThreadPoolExecutor(2) as executor:
            catalog = Catalog(options=options, load=open_bundle, executor=executor)
            catalog.add("words", 1, Doubling())
            for name, folder in self.models.items():
                catalog.add(name, 1, open_bundle(folder, guards=self.guards))
            metrics = Metrics()
            service = Service(
                options=options, catalog=catalog, metrics=metrics, hubs=Hubs(executor, metrics)
            )
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request = Request(method=method, target=path, headers={}, body=data)
            try:
                return await App(service).answer(service, request)
            finally:
                await catalog.stop()
                service.close()
