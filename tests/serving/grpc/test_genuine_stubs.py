"""The genuine stubs of `tensorflow-serving-api`, without TensorFlow, against the server.

The stubs live in a process of their own: two definitions of one message cannot share one.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serving.grpc.caller import serving
from serving.grpc.tensorflow_shim import write_shim

PACKAGE = "tensorflow-serving-api==2.21.0"
INSTALL_S = 60
CLIENT = Path(__file__).with_name("genuine_client.py")


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stubs and what they import; skips where they cannot be had."""
    folder = tmp_path_factory.mktemp("stubs")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-compile", "--retries", "0", "--target", str(folder), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{PACKAGE} could not be had within {INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"{PACKAGE} could not be had: {done.stderr.strip().splitlines()[-1]}")
    write_shim(folder)
    return folder


async def client(stubs: Path, port: int, folder: Path) -> Any:
    """What the client was told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CLIENT),
        str(port),
        str(folder),
        env={**os.environ, "PYTHONPATH": str(stubs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    return json.loads(out)


def test_every_method_answers_the_genuine_client(stubs: Path, tmp_path: Path) -> None:
    (tmp_path / "again" / "7").mkdir(parents=True)

    async def main() -> Any:
        async with serving() as caller:
            return await client(stubs, caller.port, tmp_path / "again")

    told = asyncio.run(main())
    assert Path(told.pop("tensorflow")).is_relative_to(stubs), "TensorFlow itself was imported"
    assert told == {
        "predict": ["DT_FLOAT", [2], [3.0, 3.5], ["half_plus_two", 123, "serving_default"]],
        "error": ["NOT_FOUND", "Servable not found for request: Latest(nope)"],
        "classify": ["half", 3.0, 123],
        "regress": 4.0,
        "multi": [3.0, 3.0],
        "metadata": ["tensorflow/serving/predict", "x:0", "DT_FLOAT", [-1, 1]],
        "status": [123, "AVAILABLE", 0, ""],
        "reload": 0,
        "after": 7,
    }
