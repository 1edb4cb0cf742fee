"""`sonant serve`: models over HTTP, gRPC, WebSocket and Wyoming."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sonant.cli import console
from sonant.cli.flags import with_flags
from sonant.serving.options import Options
from sonant.serving.scaling import Scaling

if TYPE_CHECKING:
    from sonant.serving.server import Ports, Server


@with_flags(Scaling, into="scaling", prefix="SONANT")
@with_flags(Options, into="options", prefix="SONANT")
def serve(
    options: Options,
    scaling: Scaling,
    models: Path = typer.Argument(
        None, help="A folder of bundles, one bundle, or a models.config."
    ),
    engine: str = typer.Option("own", "--engine", help="own, or ray for several replicas."),
    json: bool = typer.Option(False, "--json", help="Say in one JSON line where it listens."),
) -> None:
    """Serve models until SIGTERM or Ctrl-C: TensorFlow Serving's wire, KServe, live audio, a page."""
    from sonant.serving.server import serve as run
    from sonant.serving.vertex import vertex_of

    _log(options)
    vertex = vertex_of(os.environ)
    options = vertex.options(options) if vertex else options
    if engine == "ray":
        from sonant.serving.models import configured
        from sonant.serving.ray_app import serve_on_ray

        options, config = configured(options, models)
        serve_on_ray(options, config, scaling, on_ready=lambda url: _say_ray(url, as_json=json))
        return
    if engine != "own":
        raise typer.BadParameter(f"{engine}: want own or ray", param_hint="--engine")

    def ready(ports: Ports, server: Server) -> None:
        if json:
            where = {"rest": ports.rest, "grpc": ports.grpc, "wyoming": ports.wyoming}
            console.result_json({"ready": server.service.ready, **where})
            sys.stdout.flush()
        else:
            _say(ports, server)

    run(models, options=options, on_ready=ready, vertex=vertex)


def _say_ray(url: str, *, as_json: bool) -> None:
    if as_json:
        console.result_json({"ready": True, "url": url})
        sys.stdout.flush()
    else:
        console.show(f"HTTP     {url}  (on Ray; the page; /v1 TensorFlow Serving, /v2 KServe)")


def _say(ports: Ports, server: Server) -> None:
    """What is served, and where."""
    from sonant.serving.spec import ModelSpec

    catalog, hubs = server.service.catalog, server.service.hubs
    for name in catalog.names():
        for status in catalog.statuses(ModelSpec(name=name)):
            why = f": {status.message}" if status.message else ""
            console.show(f"{name} {status.version}  {status.state.name.lower()}{why}")
        if not catalog.available(name):
            continue
        with catalog.held(ModelSpec(name=name)) as running:
            if running.servable.stream:
                size = hubs.of(running).bytes_per_stream / 1000
                console.show(f"    streams: {size:.0f} kB each, {hubs.max_streams} at most")
    host = ports.host
    if ports.rest:
        console.show(f"HTTP     {ports.url}/  (the page; /v1 TensorFlow Serving, /v2 KServe)")
    if ports.grpc:
        console.show(f"gRPC     {host}:{ports.grpc}")
    if ports.wyoming:
        console.show(f"Wyoming  tcp://{host}:{ports.wyoming}")
    if ports.rest:
        names = catalog.names()
        name = names[0] if names else "NAME"
        console.next_step(f"curl {ports.url}/v1/models/{name}", "see that it is there")


def _log(options: Options) -> None:
    """Faults and, if asked for, one line a request on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name, level in (
        ("sonant.access", logging.INFO if options.access_log else logging.ERROR),
        ("sonant.serving", logging.INFO),
        ("uvicorn.error", logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
