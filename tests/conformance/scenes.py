"""States of a server that a case speaks of: versions on their way, a queue that is full, time that is up."""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from serving import fakes
from sonant.countermeasures.guards import Guards
from sonant.serving import server, service
from sonant.serving.catalog import All, ModelConfig, ServerConfig
from sonant.serving.options import Options
from sonant.serving.servable import Servable
from sonant.serving.status import Code, Refusal

PATIENCE_S = 15.0
QUIET = Options(rest_api_port=-1, port=0, wyoming_port=0, access_log=False)
MOVING = replace(
    QUIET,
    file_system_poll_wait_seconds=0.05,
    max_num_load_retries=0,
    load_retry_interval_micros=1000,
    enable_model_warmup=False,
)


@dataclass
class Shop:
    """Loads half plus two from any folder, but for versions that fail or take for ever."""

    failing: dict[str, Code] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    """Those whose requests take as long."""
    door: threading.Event = field(default_factory=threading.Event)
    """Opens for the slow and the busy."""

    def load(self, folder: Path, *, guards: Guards) -> Servable:
        if folder.name in self.failing:
            raise Refusal(self.failing[folder.name], "it cannot be loaded")
        if folder.name in self.slow:
            self.door.wait(PATIENCE_S)
        return fakes.HalfPlus(gate=self.door if folder.name in self.busy else None)


@contextmanager
def serving_statuses(case: dict[str, Any]) -> Iterator[str]:
    """A server whose model's versions are brought to the states that a status case expects."""
    wanted = case["expect_body"]["model_version_status"]
    model = case["request"]["path"].split("/")[3]
    codes = {one["version"]: Code[one["status"]["error_code"]] for one in wanted}
    states = {one["version"]: one["state"] for one in wanted}
    odd = set(states.values()) - {"END", "AVAILABLE", "LOADING", "UNLOADING"}
    assert not odd, f"the runner cannot bring a version into {odd}"
    shop = Shop(
        failing={version: code for version, code in codes.items() if code is not Code.OK},
        slow=_of(states, "LOADING"),
        busy=_of(states, "UNLOADING"),
    )
    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "open_bundle", shop.load)
        base = Path(temporary) / model
        base.mkdir()
        config = ServerConfig(models=(ModelConfig(name=model, base_path=base, policy=All()),))
        with server.in_background(MOVING, config) as ports, ThreadPoolExecutor(4) as pool:
            try:
                _move(f"{ports.url}/v1/models/{model}", base, states, shop, pool)
                yield ports.url
            finally:
                shop.door.set()


def _of(states: dict[str, str], state: str) -> set[str]:
    return {version for version, found in states.items() if found == state}


def _move(
    url: str, base: Path, states: dict[str, str], shop: Shop, pool: ThreadPoolExecutor
) -> None:
    """Put folders there, ask, and take them away, until the versions stand as wanted."""
    there = _of(states, "AVAILABLE")
    going = _of(states, "END") - shop.failing.keys() | shop.busy
    for version in there | going:
        (base / version).mkdir()
    wait_for(url, dict.fromkeys(there | going, "AVAILABLE"))
    for version in shop.busy:
        pool.submit(_occupy, f"{url}/versions/{version}:predict")
    time.sleep(0.2 if shop.busy else 0)
    for version in going:
        (base / version).rmdir()
    settled = there | going
    wait_for(url, {version: states[version] for version in settled})
    for version in shop.failing.keys() | shop.slow:
        (base / version).mkdir()
    wait_for(url, states)


def _occupy(url: str) -> None:
    """Ask something that is answered once the door opens."""
    with urlopen(Request(url, data=b'{"instances":[1.0]}', method="POST")) as reply:
        reply.read()


def wait_for(url: str, states: dict[str, str]) -> None:
    """Until the versions of a model stand so."""
    end = time.monotonic() + PATIENCE_S
    found = None
    while states and found != states:
        assert time.monotonic() < end, f"{url} has {found}, never came to {states}"
        time.sleep(0.02)
        try:
            with urlopen(url) as reply:
                listed = json.load(reply)["model_version_status"]
        except OSError as error:
            found = {"": str(error)}
            continue
        found = {one["version"]: one["state"] for one in listed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A server whose one thread is busy until the gate opens."""

    url: str
    pool: ThreadPoolExecutor


@contextmanager
def crowded(**options: Any) -> Iterator[Crowd]:
    """A server that runs one request at a time, and does not finish the first."""
    gate = threading.Event()
    settings = replace(QUIET, inference_threads=1, **options)
    with (
        server.in_background(
            settings, fill=lambda catalog: fakes.fill(catalog, gate=gate)
        ) as ports,
        ThreadPoolExecutor(4) as pool,
    ):
        try:
            yield Crowd(url=ports.url, pool=pool)
        finally:
            gate.set()


def check_condition(case: dict[str, Any], ask: Callable[[str, dict[str, Any]], Any]) -> Any:
    """Bring about what a case of `server_condition` speaks of, and return the answer."""
    text = json.dumps(case["expect_body"])
    sizes = re.search(r"Task size (\d+) is larger than maximum batch size (\d+)", text)
    with tempfile.TemporaryDirectory() as temporary:
        if case["request"]["method"] == "GET":
            return _monitored(case, ask, Path(temporary))
        if sizes:
            return _too_many_rows(case, ask, Path(temporary), int(sizes[1]), int(sizes[2]))
    if case["expect_status"] == 503:
        with crowded(max_enqueued_rows=1) as crowd:
            asked = [crowd.pool.submit(ask, crowd.url, case) for _ in range(3)]
            return _first(asked)
    with crowded(rest_api_timeout_in_ms=400) as crowd:
        running = crowd.pool.submit(ask, crowd.url, case)
        time.sleep(0.2)
        waiting = crowd.pool.submit(ask, crowd.url, case)
        return (running if case["expect_status"] == 504 else waiting).result(PATIENCE_S)


def _first(asked: list[Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for one in asked:
            if one.done():
                return one.result()
        time.sleep(0.01)
    raise AssertionError("none of three requests was turned away")


def _monitored(case: dict[str, Any], ask: Callable[..., Any], folder: Path) -> Any:
    file = folder / "monitoring.config"
    path = case["request"]["path"]
    file.write_text(f'prometheus_config {{ enable: true path: "{path}" }}')
    options = replace(QUIET, monitoring_config_file=file)
    with server.in_background(options, fill=fakes.fill) as ports:
        return ask(ports.url, case)


def _too_many_rows(
    case: dict[str, Any], ask: Callable[..., Any], folder: Path, rows: int, most: int
) -> Any:
    file = folder / "batching.config"
    file.write_text(
        f"max_batch_size {{ value: {most} }} enable_large_batch_splitting {{ value: false }}"
    )
    options = replace(QUIET, batching_parameters_file=file)
    body = json.dumps({"instances": [1.0] * rows})
    with server.in_background(options, fill=fakes.fill) as ports:
        return ask(ports.url, {**case, "request": {**case["request"], "body": body}})
