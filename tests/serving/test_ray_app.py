"""Several replicas: one of them by hand, and a whole Ray cluster of this machine where Ray is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bundles import write_bundle
from serving.fakes import fill
from sonant.errors import MissingExtra, ServeError
from sonant.serving import ray_app
from sonant.serving.catalog import ServerConfig, config_of_folder
from sonant.serving.options import Options
from sonant.serving.ray_app import Replica, application, serve_on_ray
from sonant.serving.scaling import Scaling
from sonant.serving.server import in_background

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parents[1] / "shared" / "conformance" / "tfserving_cases.json"
QUIET = Options(rest_api_port=-1, port=0, wyoming_port=0, access_log=False)
WANTED_BYTES = 3 * 2**30
"""A head, a controller, a proxy and two replicas."""
REQUESTS: tuple[tuple[str, str, str], ...] = (
    ("GET", "/v1/models/tones", ""),
    ("GET", "/v1/models/tones/metadata", ""),
    ("GET", "/v1/models/multi/labels/canary", ""),
    ("POST", "/v1/models/half_plus_two:predict", '{"instances": [1.0, 2.0]}'),
    ("POST", "/v1/models/half_plus_two/versions/123:predict", '{"inputs": [[1.0]]}'),
    ("POST", "/v1/models/half_plus_two/labels/prod:predict", '{"instances": [NaN]}'),
    ("POST", "/v1/models/no%2Fsuch:predict", '{"instances": [1.0]}'),
    ("POST", "/v1/models/half_plus_two:perdict", "{}"),
    ("POST", "/v1/models/id_string:predict", '{"instances": [{"b64": "YQ"}, "b"]}'),
    ("PUT", "/v1/models/tones", ""),
    ("GET", "/V1/Models/tones", ""),
    ("GET", "/v2/models/tones", ""),
    ("GET", "/v2/health/ready", ""),
    ("GET", "/nowhere", ""),
)
Answer = tuple[int, str, bytes]


def ask(url: str, method: str, path: str, body: str, **headers: str) -> Answer:
    """The path goes out as it is, percent signs and all."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    said = {"host": host, "connection": "close", "content-length": str(len(body.encode()))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in {**said, **headers}.items())]
    with socket.create_connection((host, int(port)), timeout=30) as opened:
        opened.sendall("\r\n".join([*lines, "", body]).encode())
        with HTTPResponse(opened, method=method) as reply:
            reply.begin()
            return reply.status, reply.headers.get_content_type(), reply.read()


# --- one replica, without Ray -------------------------------------------------------------------


class Host:
    """Speaks ASGI's lifespan and asks questions, as Ray does."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.orders: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.told: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def order(self, kind: str) -> MutableMapping[str, Any]:
        await self.orders.put({"type": kind})
        return await asyncio.wait_for(self.told.get(), 20)

    async def get(self, path: str) -> tuple[int, bytes]:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        await self.replica(scope, receive, send)
        return sent[0]["status"], sent[1]["body"]


def hosted(replica: Replica, *paths: str) -> tuple[list[str], list[tuple[int, bytes]]]:
    """What a replica says of its start and end, and its answers in between."""

    async def run() -> tuple[list[str], list[tuple[int, bytes]]]:
        host = Host(replica)
        life = asyncio.create_task(replica({"type": "lifespan"}, host.orders.get, host.told.put))
        said = [await host.order("lifespan.startup")]
        answers = [await host.get(path) for path in paths]
        if said[0]["type"].endswith("complete"):
            said.append(await host.order("lifespan.shutdown"))
        await life
        return [message["type"] for message in said], answers

    return asyncio.run(run())


def test_a_replica_loads_its_models_when_it_starts_and_lets_them_go_at_its_end(
    tmp_path: Path,
) -> None:
    write_bundle(tmp_path)
    replica = Replica(QUIET, config_of_folder(tmp_path), fill=fill)
    said, answers = hosted(replica, "/v1/models/tones", "/v2/models/half_plus_two/ready")
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert [status for status, _ in answers] == [200, 200]
    assert b'"AVAILABLE"' in answers[0][1]


def test_a_replica_that_cannot_start_says_so(tmp_path: Path) -> None:
    options = Options(token_file=tmp_path / "nowhere")
    said, _ = hosted(Replica(options, ServerConfig()))
    assert said == ["lifespan.startup.failed"]


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"--engine ray needs ray.*sonant\[ray\]"):
        application(QUIET, ServerConfig(), Scaling())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(host="0.0.0.0"), "nothing asks who they are"),
        (Options(rest_api_port=0), "give --rest_api_port a number"),
        (
            Options(tls_certificate=Path("a.pem"), tls_key=Path("b.pem")),
            "put TLS before them",
        ),
    ],
)
def test_what_ray_cannot_do_is_refused_before_anything_starts(
    options: Options, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_app, "application", pytest.fail)
    with pytest.raises(ServeError, match=words):
        serve_on_ray(options, ServerConfig())


# --- a cluster ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("ray")
    write_bundle(found / "models")
    return found


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[str]:
    """The address of two replicas; the program has to leave with 0."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'sonant[ray]'")
    if free_bytes() < WANTED_BYTES:
        pytest.skip(f"a Ray cluster wants {WANTED_BYTES >> 30} GiB of memory")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-m", "serving.ray_program", str(port), str(folder / "models"), "2"]
    # Ray keeps a token in the home folder.
    home = {"HOME": str(folder), "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            program, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | home
        )
    try:
        assert process.stdout is not None
        url = next((line.strip() for line in process.stdout if line.startswith("http")), "")
        assert url, (folder / "log").read_text()
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (folder / "log").read_text()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def free_bytes() -> int:
    """Memory that a new program can have."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except FileNotFoundError:
        return WANTED_BYTES
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


@pytest.fixture(scope="module")
def alone(folder: Path) -> Iterator[str]:
    """The address of the same models in our own server."""
    with in_background(QUIET, config_of_folder(folder / "models"), fill=fill) as ports:
        yield ports.url


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_a_cluster_answers_as_one_server_does(
    cluster: str, alone: str, method: str, path: str, body: str
) -> None:
    assert ask(cluster, method, path, body) == ask(alone, method, path, body)


def test_a_cluster_speaks_websocket_as_one_server_does(cluster: str, alone: str) -> None:
    """The model hears no streams, which the server says after it has accepted the connection."""

    def heard(url: str) -> tuple[Any, Any]:
        address = f"{url.replace('http', 'ws').rstrip('/')}/v1/models/tones/stream"
        with connect(address) as opened:
            said = json.loads(opened.recv(timeout=20))
            with pytest.raises(ConnectionClosed) as closed:
                opened.recv(timeout=20)
        return said, closed.value.rcvd

    assert heard(cluster) == heard(alone)


def test_a_cluster_answers_the_conformance_table_as_one_server_does(
    cluster: str, alone: str
) -> None:
    if not TABLE.is_file():
        pytest.skip(f"no table at {TABLE}")
    asked = 0
    for case in json.loads(TABLE.read_text())["cases"]:
        request = case["request"]
        # The others are about conditions of a server, or go over other wires.
        if case["group"] in ("server_condition", "grpc", "config", "encode"):
            continue
        body, headers = request.get("body") or "", request.get("headers") or {}
        if not isinstance(body, str) or not request["path"].startswith("/"):
            continue
        said = (request["method"], request["path"], body)
        assert ask(cluster, *said, **headers) == ask(alone, *said, **headers), case["name"]
        asked += 1
    assert asked > 100
