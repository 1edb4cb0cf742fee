"""KServe's protocol, version 2, with the extensions that Triton's client uses.

`answer` is all there is to it: the paths are in `PATHS`, and each has one small function.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import orjson

from sonant.serving.http import Reply, Request, refused
from sonant.serving.kserve import describing
from sonant.serving.kserve.asking import JSON_LENGTH, parameters_of, read
from sonant.serving.kserve.choosing import held, inputs_for, signature_for, spec_of
from sonant.serving.kserve.payload import parsed
from sonant.serving.kserve.telling import told, wanted_of
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Code, Refusal, invalid, not_found

__all__ = ["answer"]

Path: TypeAlias = re.Match[str]
Handler: TypeAlias = Callable[[Service, Request, Path], Awaitable[Reply]]

METHOD_NOT_ALLOWED: Final = 405
NOT_READY: Final = 503
SILENT: Final = {"GET": "HEAD"}


async def answer(service: Service, request: Request) -> Reply:
    """Answer any request below `/v2`; every refusal is a reply, a fault of the model is raised."""
    try:
        for pattern, method, handler in PATHS:
            if path := pattern.fullmatch(request.path):
                if not method or request.method in (method, SILENT.get(method)):
                    return await handler(service, request, path)
                return _not_allowed(request, method)
        raise not_found(f"there is no {request.path[:200]} here")
    except Refusal as refusal:
        return refused(_as_triton(refusal))


async def _server(service: Service, request: Request, path: Path) -> Reply:
    return _json(describing.server())


async def _live(service: Service, request: Request, path: Path) -> Reply:
    return _json({"live": True})


async def _ready(service: Service, request: Request, path: Path) -> Reply:
    ready = service.ready
    return replace(_json({"ready": ready}), status=200 if ready else NOT_READY)


async def _models(service: Service, request: Request, path: Path) -> Reply:
    return _json({"models": sorted(service.catalog.names())})


async def _model(service: Service, request: Request, path: Path) -> Reply:
    with held(service, _spec(path)) as running:
        return _json(describing.model(service, running), model=running.name)


async def _model_ready(service: Service, request: Request, path: Path) -> Reply:
    with held(service, _spec(path)) as running:
        return _json({"name": running.name, "ready": True}, model=running.name)


async def _config(service: Service, request: Request, path: Path) -> Reply:
    with held(service, _spec(path)) as running:
        return _json(describing.config(running), model=running.name)


async def _statistics(service: Service, request: Request, path: Path) -> Reply:
    if "name" not in path.re.groupindex:
        names, only = sorted(service.catalog.names()), None
    else:
        spec = _spec(path)
        with held(service, spec) as running:
            names, only = [running.name], running.version
        only = only if path["version"] else None
    return _json(
        {
            "model_stats": [
                describing.statistics(service.metrics, name, number)
                for name in names
                for number in sorted(service.catalog.available(name))
                if only in (None, number)
            ]
        }
    )


async def _infer(service: Service, request: Request, path: Path) -> Reply:
    with held(service, _spec(path)) as running:
        name = running.name
        try:
            asked = read(request.body, request.headers.get(JSON_LENGTH))
            called, signature = signature_for(running, asked)
            inputs = inputs_for(signature, asked, model=name)
            wanted = wanted_of(asked, signature, model=name)
            outputs = await running.run(
                called,
                {key: given.tensor for key, given in inputs.items()},
                deadline=_deadline(request, asked.timeout_s),
            )
            nan = service.options.json_nan
            return told(outputs, wanted, asked=asked, running=running, nan=nan)
        except Refusal as refusal:
            return replace(refused(_as_triton(refusal)), model=name)


async def _index(service: Service, request: Request, path: Path) -> Reply:
    only_ready = _object(request).get("ready", False)
    if not isinstance(only_ready, bool):
        raise invalid("'ready' is neither true nor false")
    return _json(describing.index(service, only_ready=only_ready))


async def _load(service: Service, request: Request, path: Path) -> Reply:
    for key in parameters_of(_object(request), "the request"):
        if key == "config" or key.startswith("file:"):
            raise Refusal(
                Code.UNIMPLEMENTED,
                f"loading with '{key:.80}' is not supported: a bundle says it all",
            )
    name = unquote(path["name"])
    await service.catalog.load(name)
    return Reply(body=b"", model=name)


async def _unload(service: Service, request: Request, path: Path) -> Reply:
    name = unquote(path["name"])
    await service.catalog.unload(name)
    return Reply(body=b"", model=name)


async def _not_here(service: Service, request: Request, path: Path) -> Reply:
    raise Refusal(Code.UNIMPLEMENTED, f"this server has no {path['extension']} extension")


def _as_triton(refusal: Refusal) -> Refusal:
    """It knows no 429: what is too much for now is unavailable."""
    if refusal.code is not Code.RESOURCE_EXHAUSTED:
        return refusal
    return Refusal(Code.UNAVAILABLE, refusal.message, retry_after_s=1.0)


def _not_allowed(request: Request, method: str) -> Reply:
    body = orjson.dumps({"error": f"{request.method} is not for this path, {method} is"})
    return Reply(status=METHOD_NOT_ALLOWED, body=body, headers={"allow": method})


def _spec(path: Path) -> ModelSpec:
    version = path["version"]
    return spec_of(unquote(path["name"]), unquote(version) if version else None)


def _deadline(request: Request, timeout_s: float | None) -> float | None:
    """The server's own bound, or the client's where that is sooner."""
    if timeout_s is None:
        return request.deadline
    asked = asyncio.get_running_loop().time() + timeout_s
    return asked if request.deadline is None else min(asked, request.deadline)


def _object(request: Request) -> dict[str, Any]:
    """The body of a request that may do without one."""
    tree = parsed(request.body) if request.body.strip() else {}
    if not isinstance(tree, dict):
        raise invalid("the request is no JSON object")
    return tree


def _json(tree: Any, *, model: str = "") -> Reply:
    return Reply(body=orjson.dumps(tree), model=model)


def _path(text: str) -> re.Pattern[str]:
    """A path; {M} is a model, with its version or without, {N} its name alone."""
    model = r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?"
    return re.compile(text.replace("{M}", model).replace("{N}", "(?P<name>[^/]+)") + "/?")


PATHS: Final[tuple[tuple[re.Pattern[str], str, Handler], ...]] = (
    (_path("{M}/infer"), "POST", _infer),
    (_path("/v2"), "GET", _server),
    (_path("/v2/health/live"), "GET", _live),
    (_path("/v2/health/ready"), "GET", _ready),
    (_path("/v2/models"), "GET", _models),
    (_path("/v2/models/stats"), "GET", _statistics),
    (_path("{M}/ready"), "GET", _model_ready),
    (_path("{M}/config"), "GET", _config),
    (_path("{M}/stats"), "GET", _statistics),
    (_path("{M}"), "GET", _model),
    (_path("/v2/repository/index"), "POST", _index),
    (_path("/v2/repository/models/{N}/load"), "POST", _load),
    (_path("/v2/repository/models/{N}/unload"), "POST", _unload),
    (_path("{M}/(?P<extension>generate|generate_stream|trace)(?:/setting)?"), "", _not_here),
    (_path("/v2/(?P<extension>[a-z]+sharedmemory|trace|logging)(?:/.*)?"), "", _not_here),
)
"""The first whose pattern is the whole path answers; without a method, it answers all."""
