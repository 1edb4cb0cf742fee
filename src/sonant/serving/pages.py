"""The page at `/`: its files, the models it may choose from, and the graphs it may run itself.

Nothing here is written by a request, and nothing is read but the files named in `FILES` and the step
graphs of loaded bundles.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import orjson

from sonant.errors import SonantError
from sonant.listening import decision_of, is_tuned
from sonant.runtime.decision import Decision, watched
from sonant.runtime.session import StreamGraph
from sonant.serving.http import Reply, Request, refused
from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Refusal, not_found

FOLDER: Final = Path(__file__).parent / "page"
HTML: Final = "text/html; charset=utf-8"
SCRIPT: Final = "text/javascript; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("index.html", HTML),
    "/page/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page/page.js": ("page.js", SCRIPT),
    "/page/browser_engine.js": ("browser_engine.js", SCRIPT),
    "/page/decision.js": ("decision.js", SCRIPT),
    "/page/detections.js": ("detections.js", SCRIPT),
    "/page/fft.js": ("fft.js", SCRIPT),
    "/page/format.js": ("format.js", SCRIPT),
    "/page/listening.js": ("listening.js", SCRIPT),
    "/page/microphone.js": ("microphone.js", SCRIPT),
    "/page/recording.js": ("recording.js", SCRIPT),
    "/page/resampler.js": ("resampler.js", SCRIPT),
    "/page/scores.js": ("scores.js", SCRIPT),
    "/page/server.js": ("server.js", SCRIPT),
    "/page/server_engine.js": ("server_engine.js", SCRIPT),
    "/page/sound.js": ("sound.js", SCRIPT),
    "/page/spectrogram.js": ("spectrogram.js", SCRIPT),
    "/page/worklet.js": ("worklet.js", SCRIPT),
    "/page/vendor/ort.wasm.min.mjs": ("vendor/ort.wasm.min.mjs", SCRIPT),
    "/page/vendor/ort-wasm-simd-threaded.mjs": ("vendor/ort-wasm-simd-threaded.mjs", SCRIPT),
    "/page/vendor/ort-wasm-simd-threaded.wasm": (
        "vendor/ort-wasm-simd-threaded.wasm",
        "application/wasm",
    ),
    "/page/vendor/LICENSE": ("vendor/LICENSE", PLAIN),
    "/page/vendor/ThirdPartyNotices.txt": ("vendor/ThirdPartyNotices.txt", PLAIN),
}
"""Path -> file and its type. Files in `vendor/` are there where the package was built with them."""
MODELS: Final = "/page/models.json"
GRAPHS: Final = "/page/graphs/"
RUNTIME: Final = FOLDER / "vendor" / "ort.wasm.min.mjs"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        # WebAssembly is compiled by the recognition in the browser; scripts are never made from text.
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


async def answer(service: Service, request: Request) -> Reply:
    """Reply to whatever no other protocol of the server answers: the page, or 404."""
    try:
        path = request.path
        known = path in FILES or path == MODELS or path.startswith(GRAPHS)
        if known and request.method not in ("GET", "HEAD"):
            body = orjson.dumps({"error": f"{path} is only read"})
            return Reply(status=405, body=body, headers={"allow": "GET, HEAD"})
        if path in FILES:
            return await asyncio.to_thread(_file, request, *FILES[path])
        if path == MODELS:
            return _json(_models(service))
        if path.startswith(GRAPHS):
            return await _graph(service, request, path.removeprefix(GRAPHS))
        raise not_found(f"there is nothing at {path[:200]}")
    except Refusal as refusal:
        return refused(refusal)


def _file(request: Request, name: str, content_type: str) -> Reply:
    """A file of the page, or that the browser has it already."""
    file = FOLDER / name
    try:
        found = file.stat()
        tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        return _tagged(request, tag) or _bytes(file.read_bytes(), tag, content_type)
    except FileNotFoundError:
        raise not_found(f"{name} did not come with this server") from None


def _tagged(request: Request, tag: str) -> Reply | None:
    """304 where the browser has these very bytes."""
    if tag not in request.headers.get("if-none-match", ""):
        return None
    return Reply(status=304, body=b"", headers={**SECURITY, "etag": tag})


def _bytes(body: bytes, tag: str, content_type: str) -> Reply:
    # The browser asks each time whether its copy is the newest; on one machine that costs nothing.
    headers = {**SECURITY, "etag": tag, "cache-control": "no-cache"}
    return Reply(body=body, content_type=content_type, headers=headers)


def _json(tree: Mapping[str, Any]) -> Reply:
    return Reply(body=orjson.dumps(tree), headers={**SECURITY, "cache-control": "no-store"})


def _models(service: Service) -> Mapping[str, Any]:
    """What the page can choose from: models with labels, the newest version first."""
    catalog = service.catalog
    models = []
    for name in catalog.names():
        named = catalog.labels(name)
        versions = []
        for version in sorted(catalog.available(name), reverse=True):
            with catalog.held(ModelSpec(name=name, version=version)) as running:
                if running.servable.labels:
                    own = sorted(label for label, number in named.items() if number == version)
                    versions.append({"version": version, "version_labels": own, **_facts(running)})
        if versions:
            models.append({"name": name, "versions": versions})
    return {"models": models, "in_browser": RUNTIME.is_file()}


def _facts(running: Running) -> Mapping[str, Any]:
    """One version; times in milliseconds, lengths in samples."""
    servable = running.servable
    facts = {"labels": servable.labels, "streams": False, "rate_hz": None, "threshold": 0.5}
    facts["thresholds"] = [None] * len(servable.labels)
    graph = servable.stream
    if graph is None:
        return facts
    try:
        decision = decision_of(graph.card)
        thresholds = _thresholds(decision, graph)
    except SonantError as error:
        return {**facts, "problem": str(error)}
    return facts | {
        "streams": True,
        "rate_hz": graph.card.audio.rate_hz,
        "hop": graph.stream.hop,
        "delay": graph.stream.delay,
        "clip_ms": 1000 * graph.card.audio.duration_s,
        "threshold": decision.threshold,
        "thresholds": thresholds,
        "tuned": is_tuned(graph.card),
    }


async def _graph(service: Service, request: Request, place: str) -> Reply:
    """NAME/VERSION/stream.onnx, or stream.json: how it is run; the name is percent-encoded."""
    name, _, rest = place.partition("/")
    version, _, file = rest.partition("/")
    if file not in ("stream.onnx", "stream.json") or not (version.isascii() and version.isdigit()):
        raise not_found(f"there is nothing at {GRAPHS}{place[:200]}")
    with service.catalog.held(ModelSpec(name=unquote(name), version=int(version))) as running:
        graph = running.servable.stream
        if graph is None:
            raise not_found(f"{running.name} {running.version} does not stream")
        if file == "stream.json":
            return _json(_card(running, graph))
        return await asyncio.to_thread(_step_graph, request, graph)


def _step_graph(request: Request, graph: StreamGraph) -> Reply:
    """The file that was written and no other: what changed since it was loaded is not given out."""
    wanted = graph.card.files[graph.spec.file]
    kept = _tagged(request, f'"{wanted}"')
    if kept is not None:
        return kept
    try:
        body = graph.card.file(graph.spec.file).read_bytes()
    except (SonantError, OSError) as error:
        raise not_found(f"the graph is gone ({error})") from error
    if hashlib.sha256(body).hexdigest() != wanted:
        raise not_found("the graph on the disk is not the one that was loaded")
    return _bytes(body, f'"{wanted}"', "application/octet-stream")


def _card(running: Running, graph: StreamGraph) -> Mapping[str, Any]:
    """How the step graph is run, and how a detection is decided; lengths in samples and in frames."""
    try:
        decision = decision_of(graph.card)
        thresholds = _thresholds(decision, graph)
    except SonantError as error:
        raise not_found(str(error)) from error
    return {
        "name": running.name,
        "version": running.version,
        "labels": graph.card.labels,
        "rate_hz": graph.card.audio.rate_hz,
        "hop": graph.stream.hop,
        "delay": graph.stream.delay,
        "step_hops": graph.step_hops,
        "input": graph.spec.input,
        "output": graph.spec.output,
        "states": [asdict(state) for state in graph.stream.states],
        "decision": {
            "thresholds": thresholds,
            "release": decision.release,
            "smoothing_frames": decision.smoothing(graph.hop_s),
            "patience": decision.patience,
            "refractory_frames": decision.refractory(graph.hop_s),
        },
    }


def _thresholds(decision: Decision, graph: StreamGraph) -> list[float | None]:
    """For each label its threshold, None for one that never fires; raises `RecipeError`."""
    known = {label.column: label.threshold for label in watched(decision, graph.card.labels)}
    return [known.get(column) for column in range(len(graph.card.labels))]
