"""A server from start to end: load, listen, serve, drain.

serve(options, config)                   until SIGTERM or Ctrl-C, from the main thread
with in_background(options) as ports:    in a thread of its own: tests, notebooks, other programs
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import uvicorn

from sonant.errors import ServeError
from sonant.serving.app import App
from sonant.serving.catalog import Catalog, ServerConfig
from sonant.serving.memory import bound_arenas
from sonant.serving.models import configured, monitoring_path
from sonant.serving.options import Options
from sonant.serving.security import check_exposure, read_token
from sonant.serving.service import Service
from sonant.serving.streams.messages import LONGEST_MESSAGE
from sonant.serving.streams.wyoming import WyomingServer
from sonant.serving.vertex import Vertex

LOG = logging.getLogger("sonant.serving")
LINGER_S: Final = 0.2
"""After the last request, for clients that keep their connection: they read that it is closing."""
TICK_S: Final = 0.02
ROOM: Final = 64
"""A message that is a little too long still comes through, and is refused with a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the server listens; 0 for what is off."""

    host: str
    rest: int = 0
    grpc: int = 0
    wyoming: int = 0
    tls: bool = False

    @property
    def url(self) -> str:
        """Of HTTP."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.rest}"


@final
class _Http(uvicorn.Server):
    """uvicorn, but signals are the business of the server around it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@final
class Server:
    """All protocols over one catalog, on one event loop."""

    def __init__(self, options: Options, *, vertex: Vertex | None = None) -> None:
        """`vertex` brings routes of its own.

        Raises `ServeError` where the options would open the server without protection.
        """
        check_exposure(options)
        self.options: Final = options
        self._executor = ThreadPoolExecutor(options.threads, thread_name_prefix="inference")
        self.service: Final = Service.of(options, self._executor)
        self._app = App(
            self.service,
            token=read_token(options),
            metrics_path=monitoring_path(options),
            vertex=vertex,
        )
        self._http: _Http | None = None
        self._http_task: asyncio.Task[None] | None = None
        self._others: list[Callable[[float], Awaitable[None]]] = []

    async def start(self, config: ServerConfig) -> Ports:
        """Load every model, then listen; returns where.

        Raises `ServeError` where a port is taken. A model that fails to load is no reason not to
        start: its status says why, and the server is not ready.
        """
        await self.service.catalog.start(config)
        options = self.options
        rest = await self._start_http() if options.rest_api_port else 0
        grpc = await self._start_grpc() if options.port or options.grpc_socket_path else 0
        wyoming = await self._start_wyoming() if options.wyoming_port else 0
        return Ports(
            host=options.host,
            rest=rest,
            grpc=grpc,
            wyoming=wyoming,
            tls=options.tls_certificate is not None,
        )

    async def drain(self) -> None:
        """Say goodbye: not ready, nothing new, finish what runs, close streams, within the grace time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.options.grace_seconds
        self.service.draining.set()
        closing = [close() for close in list(self.service.live.values())]
        await asyncio.gather(*closing, return_exceptions=True)
        await asyncio.gather(*(stop(max(0.0, end - loop.time())) for stop in self._others))
        await self._idle(end)
        if self._http and self._http_task:
            # First nobody new comes in; those inside may still read that the server is going.
            for listening in self._http.servers:
                listening.close()
            await asyncio.sleep(LINGER_S)
            self._http.should_exit = True
            self._http.config.timeout_graceful_shutdown = max(1, round(end - loop.time()))
            await self._http_task
        await self.service.catalog.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self.service.close()

    async def _idle(self, end: float) -> None:
        """Wait until no request is being answered, and a little longer."""
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        while loop.time() < end and loop.time() - quiet_since < LINGER_S:
            await asyncio.sleep(TICK_S)
            if self._app.front.in_hand:
                quiet_since = loop.time()

    async def _start_http(self) -> int:
        options = self.options
        listening = _listen(options.host, options.rest_api_port)
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            log_config=None,
            # Below it are lines with whole targets, and a token may stand in a query.
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=LONGEST_MESSAGE + ROOM,
            ssl_certfile=options.tls_certificate,
            ssl_keyfile=options.tls_key,
            ssl_ca_certs=str(options.tls_client_ca) if options.tls_client_ca else None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if options.tls_client_ca else ssl.CERT_NONE,
        )
        try:
            config.load()
        except (ssl.SSLError, OSError) as error:
            listening.close()
            raise ServeError(
                f"{options.tls_certificate}, {options.tls_key}: cannot be used for TLS ({error}); "
                f"want a certificate chain and its key, both PEM"
            ) from error
        self._http = _Http(config)
        self._http_task = asyncio.create_task(self._http.serve(sockets=[listening]))
        while not self._http.started:
            if self._http_task.done():
                await self._http_task
                raise ServeError("the HTTP server ended before it began")
            await asyncio.sleep(TICK_S)
        port: int = listening.getsockname()[1]
        return port

    async def _start_grpc(self) -> int:
        from sonant.serving.grpc import GrpcServer

        server = GrpcServer(self.service)
        self._others.append(server.stop)
        return await server.start()

    async def _start_wyoming(self) -> int:
        server = WyomingServer(self.service)

        async def stop(_: float) -> None:
            await server.stop()

        self._others.append(stop)
        return await server.start()


def _announce(ports: Ports, server: Server) -> None:
    LOG.info("listening: HTTP %s, gRPC %s, Wyoming %s", ports.url, ports.grpc, ports.wyoming)


def serve(
    models: Path | str | None = None,
    *,
    options: Options | None = None,
    on_ready: Callable[[Ports, Server], None] = _announce,
    vertex: Vertex | None = None,
) -> None:
    """Serve models until SIGTERM or Ctrl-C, then drain; a second signal ends it at once.

    `models` is a folder of bundles, one bundle or a models.config; without it `options` say. It wants
    the main thread. Raises `ServeError` where the server cannot start.
    """
    options, config = configured(options or Options(), Path(models) if models else None)
    bound_arenas()
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(Server(options, vertex=vertex), config, on_ready))


async def _serve(
    server: Server, config: ServerConfig, on_ready: Callable[[Ports, Server], None]
) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def stop() -> None:
        if told.is_set():
            LOG.warning("told to end a second time: not waiting any longer")
            os._exit(1)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    starting = asyncio.ensure_future(server.start(config))
    ending = asyncio.ensure_future(told.wait())
    await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        on_ready(starting.result(), server)
        await ending
    else:
        starting.cancel()
    await server.drain()


@contextmanager
def in_background(
    options: Options,
    config: ServerConfig | None = None,
    *,
    fill: Callable[[Catalog], None] | None = None,
) -> Iterator[Ports]:
    """Serve from a thread of its own while the block runs; then drain.

    `fill` may put servables straight into the catalog. Raises what starting raised.
    """
    started: Future[tuple[Ports, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        over = asyncio.Event()
        try:
            server = Server(options)
            ports = await server.start(config or ServerConfig())
            if fill:
                fill(server.service.catalog)
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result((ports, asyncio.get_running_loop(), over))
        await over.wait()
        await server.drain()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="sonant-server", daemon=True)
    thread.start()
    ports, loop, over = started.result()
    try:
        yield ports
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; a negative port means any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, max(port, 0)), family=family, backlog=2048)
    except OSError as error:
        raise ServeError(
            f"{host}:{port}: cannot listen there ({error.strerror}); "
            f"is another server running? choose a port with --rest_api_port"
        ) from error


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed: it carries a third more requests."""
    with contextlib.suppress(ImportError):
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    return asyncio.new_event_loop()
