"""A real server over real sockets: starts, answers, swaps, refuses, drains."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bundles import tone, write_bundle
from sonant.audio import to_pcm16
from sonant.errors import ServeError
from sonant.serving.catalog import config_of_folder
from sonant.serving.options import Options
from sonant.serving.server import in_background

QUIET = Options(rest_api_port=-1, port=0, wyoming_port=0, access_log=False)
WAIT_S = 20.0


def ask(label: str) -> dict[str, Any]:
    pcm = base64.b64encode(to_pcm16(tone(label)).tobytes()).decode()
    return {"signature_name": "pcm", "instances": [{"b64": pcm}]}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@contextmanager
def served(models: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`sonant serve` in a process of its own, and its address."""
    command = [sys.executable, "-m", "sonant", "serve", str(models), "--json"]
    ports = ["--rest_api_port=-1", "--port=0", "--wyoming_port=0"]
    process = subprocess.Popen(
        [*command, *ports, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, f"http://127.0.0.1:{json.loads(line)['rest']}"
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "models")
    return tmp_path / "models"


def test_a_folder_of_bundles_is_served_to_every_client_of_tensorflow_serving(models: Path) -> None:
    with in_background(QUIET, config_of_folder(models)) as ports, httpx.Client() as client:
        status = client.get(f"{ports.url}/v1/models/tones").json()["model_version_status"]
        assert [(one["version"], one["state"]) for one in status] == [("1", "AVAILABLE")]
        answer = client.post(f"{ports.url}/v1/models/tones:predict", json=ask("low"))
        assert answer.status_code == 200
        (prediction,) = answer.json()["predictions"]
        assert prediction["label"] == "low"
        assert client.get(f"{ports.url}/healthz").json() == {"alive": True}
        assert client.get(f"{ports.url}/readyz").json() == {"ready": True}
        assert client.get(f"{ports.url}/nowhere").status_code == 404
        assert "sonant_requests_total" in client.get(f"{ports.url}/metrics").text


def test_a_port_that_is_taken_is_named(models: Path) -> None:
    with in_background(QUIET, config_of_folder(models)) as ports:
        again = Options(rest_api_port=ports.rest, port=0, wyoming_port=0)
        taken = in_background(again, config_of_folder(models))
        with pytest.raises(ServeError, match=f"127.0.0.1:{ports.rest}: cannot listen"):
            taken.__enter__()


def test_a_new_version_takes_over_and_the_old_one_leaves(models: Path) -> None:
    quick = replace(QUIET, file_system_poll_wait_seconds=0.05)
    with in_background(quick, config_of_folder(models)) as ports, httpx.Client() as client:
        beside = write_bundle(models.parent / "beside", version=2)
        beside.rename(models / "tones" / "2")
        deadline = time.monotonic() + WAIT_S
        states: dict[str, str] = {}
        while states != {"2": "AVAILABLE", "1": "END"} and time.monotonic() < deadline:
            found = client.get(f"{ports.url}/v1/models/tones").json()["model_version_status"]
            states = {one["version"]: one["state"] for one in found}
            assert client.post(f"{ports.url}/v1/models/tones:predict", json=ask("mid")).is_success
        assert states == {"2": "AVAILABLE", "1": "END"}


def test_a_damaged_bundle_is_named_and_displaces_nothing(models: Path) -> None:
    quick = replace(QUIET, file_system_poll_wait_seconds=0.05, max_num_load_retries=0)
    with in_background(quick, config_of_folder(models)) as ports, httpx.Client() as client:
        beside = write_bundle(models.parent / "beside", version=2)
        (beside / "weights.safetensors").write_bytes(b"changed")
        beside.rename(models / "tones" / "2")

        def message() -> str:
            found = client.get(f"{ports.url}/v1/models/tones").json()["model_version_status"]
            return str(found[0]["status"]["error_message"])

        wait_for(lambda: "weights.safetensors" in message())
        assert client.post(f"{ports.url}/v1/models/tones:predict", json=ask("mid")).is_success


def test_a_bundle_seen_half_copied_is_served_when_the_copy_is_whole(models: Path) -> None:
    quick = replace(QUIET, file_system_poll_wait_seconds=0.05)
    whole = write_bundle(models.parent / "beside", version=2)
    (models / "tones" / "2").mkdir()
    with in_background(quick, config_of_folder(models)) as ports, httpx.Client() as client:

        def newest() -> dict[str, Any]:
            found = client.get(f"{ports.url}/v1/models/tones").json()["model_version_status"]
            return dict(found[0])

        # Under this name alone: as if a slow copy had come no further.
        shutil.copy(whole / "bundle.json", models / "tones" / "2")
        wait_for(lambda: "incomplete" in newest()["status"]["error_message"])
        shutil.copytree(whole, models / "tones" / "2", dirs_exist_ok=True)
        wait_for(lambda: newest()["state"] == "AVAILABLE")
        assert newest()["version"] == "2"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_what_was_accepted_and_ends_with_0(models: Path, number: int) -> None:
    answered: dict[str, int] = {}
    with served(models, "--access_log") as (process, url):

        def keep_asking(who: int) -> None:
            with httpx.Client() as client:
                for turn in range(10_000):
                    headers = {"x-request-id": f"{who}-{turn}"}
                    try:
                        reply = client.post(
                            f"{url}/v1/models/tones:predict", json=ask("low"), headers=headers
                        )
                    except httpx.TransportError:
                        return
                    answered[headers["x-request-id"]] = reply.status_code

        threads = [threading.Thread(target=keep_asking, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 40:
            time.sleep(0.01)
        os.kill(process.pid, number)
        log = process.communicate(timeout=WAIT_S)[1]
        for thread in threads:
            thread.join(WAIT_S)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    accepted = {line["id"] for line in lines if line["status"] == 200}
    assert accepted == {name for name, status in answered.items() if status == 200}
    assert set(answered.values()) <= {200, 503}
    assert len(accepted) >= 40


def test_nothing_to_serve_and_an_open_door_are_refused_with_what_to_say(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sonant", "serve", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    nothing = run()
    assert (nothing.returncode, "say what to serve" in nothing.stderr) == (1, True)
    write_bundle(tmp_path)
    door = run(str(tmp_path), "--host=0.0.0.0")
    assert (door.returncode, "--token_file" in door.stderr) == (1, True)
