"""`pytest tests/conformance --cases FILE`: a table of requests and replies against the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.http_cases import Servers, servers_running
from conformance.tally import Tally

TABLE = Path(__file__).parents[3] / "shared" / "conformance" / "tfserving_cases.json"
TALLY = pytest.StashKey[Tally]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=Path, default=TABLE, help="table of conformance cases, JSON")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    path = metafunc.config.getoption("cases", TABLE)
    if path.is_file():
        cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
        metafunc.parametrize("case", cases, ids=[case["name"] for case in cases])
        return
    missing = pytest.mark.skip(reason=f"no conformance table {path}; name one with --cases FILE")
    metafunc.parametrize("case", [pytest.param({}, marks=missing)], ids=["table"])


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The real server, as it comes and with --strict_compat, over the table's models."""
    with servers_running() as running:
        yield running


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    return request.config.stash[TALLY]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    found = config.stash[TALLY]
    if found:
        terminalreporter.section("conformance")
        terminalreporter.write_line(found.text())
