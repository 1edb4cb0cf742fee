"""The short form of `bench/soak.py`: versions are swapped and clients killed while others ask."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOAK = Path(__file__).parents[2] / "bench" / "soak.py"
SECONDS, SWAPS, KILLS = 6, 10, 3


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from serving.served_tones import write_served

    bundle = write_served(tmp_path_factory.mktemp("soak"))
    sizes = ("--seconds", str(SECONDS), "--swaps", str(SWAPS), "--kills", str(KILLS))
    command = [sys.executable, str(SOAK), "--bundle", str(bundle), *sizes, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    # The status also speaks of memory, and a few seconds say little about that.
    assert done.stdout, done.stderr
    account: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return account


def test_no_request_fails_while_versions_are_swapped_and_clients_are_killed(
    found: dict[str, Any],
) -> None:
    assert found["answered"] > 0
    assert (found["swaps"], found["kills"]) == (SWAPS, KILLS)
    assert found["failed"] == 0, found["kinds"]


def test_no_request_that_was_accepted_is_lost_when_the_server_is_told_to_end(
    found: dict[str, Any],
) -> None:
    assert found["lost"] == 0, found["kinds"]
    assert found["status"] == 0
