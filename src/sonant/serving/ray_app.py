"""The same server on a Ray cluster: several replicas on several machines, as many as the load asks for.

Every replica loads every model and looks after them by itself, so a change of a folder or of models.config
reaches them all; `load` and `unload` of KServe's repository reach the replica that answers, and no other.
Ray's proxies carry HTTP and WebSocket; there is no gRPC and no Wyoming.
"""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from sonant.errors import MissingExtra, ServeError
from sonant.serving.app import App
from sonant.serving.catalog import Catalog, ServerConfig
from sonant.serving.front import Receive, Scope, Send
from sonant.serving.models import monitoring_path
from sonant.serving.options import Options
from sonant.serving.scaling import Scaling
from sonant.serving.security import check_exposure, read_token
from sonant.serving.service import Service

if TYPE_CHECKING:
    from ray.serve import Application

NAME: Final = "sonant"
"""Of the application in the cluster."""
Fill: TypeAlias = Callable[[Catalog], None]


@final
class Replica:
    """The ASGI application as one replica runs it: it loads its models when it starts."""

    def __init__(self, options: Options, config: ServerConfig, *, fill: Fill | None = None) -> None:
        """Nothing is opened yet, since Ray sends this object to another process."""
        self.options: Final = options
        self.config: Final = config
        self._fill = fill
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start, end, or hand on to the server's own application."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is None:
            raise ServeError("the replica was asked before it was started")
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        executor = ThreadPoolExecutor(self.options.threads, thread_name_prefix="inference")
        service = Service.of(self.options, executor)
        try:
            await service.catalog.start(self.config)
            if self._fill:
                self._fill(service.catalog)
            self._app = App(
                service, token=read_token(self.options), metrics_path=monitoring_path(self.options)
            )
        except Exception as error:  # whatever it is, Ray has to hear that there is no replica
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        service.draining.set()
        for close in list(service.live.values()):
            await close()
        await service.catalog.stop()
        executor.shutdown(cancel_futures=True)
        service.close()
        await send({"type": "lifespan.shutdown.complete"})


def application(
    options: Options, config: ServerConfig, scaling: Scaling, *, fill: Fill | None = None
) -> Application:
    """The Ray Serve application, for `serve.run` and for config files of Ray's own.

    `fill` may put servables straight into the catalog of each replica. Raises `MissingExtra` without Ray.
    """
    serve = _ray_serve()
    if not options.inference_threads:
        options = replace(options, inference_threads=math.ceil(scaling.cpus_per_replica))

    class Sonant:
        """What Ray starts; its requests go to the application around it."""

    ingress = serve.ingress(Replica(options, config, fill=fill))(Sonant)
    deployment = scaling.deployment(grace_s=options.grace_seconds)
    bound: Application = serve.deployment(ingress, name=NAME, **deployment).bind()
    return bound


def serve_on_ray(
    options: Options,
    config: ServerConfig,
    scaling: Scaling | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
    fill: Fill | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then let the replicas finish; from the main thread.

    `on_ready` hears the address. Raises `MissingExtra` without Ray, and `ServeError` where the options
    would open the server without protection, or ask for what Ray's proxies cannot do.
    """
    scaling = scaling or Scaling()
    _check(options)
    app = application(options, config, scaling, fill=fill)
    serve = _ray_serve()
    import ray

    if scaling.ray_address:
        ray.init(address=scaling.ray_address)
    else:
        # Ray tells its makers how it is used, unless it is told not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(include_dashboard=False)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    try:
        serve.start(http_options={"host": options.host, "port": options.rest_api_port})
        serve.run(app, name=NAME, route_prefix="/")
        if on_ready:
            on_ready(f"http://{options.host}:{options.rest_api_port}/")
        told.wait()
        serve.delete(NAME)
    finally:
        if not scaling.ray_address:
            serve.shutdown()
        ray.shutdown()


def _check(options: Options) -> None:
    """Wyoming and gRPC are off here, whatever their flags say; the rest has to be possible."""
    check_exposure(replace(options, wyoming_port=0))
    if options.tls_certificate:
        raise ServeError(
            "--engine ray has no --tls_certificate: its proxies run on every machine of the cluster; "
            "put TLS before them"
        )
    if options.rest_api_port <= 0:
        raise ServeError("--engine ray serves HTTP: give --rest_api_port a number")


def _ray_serve() -> Any:
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtra("ray", extra="ray", purpose="--engine ray") from error
    return serve
