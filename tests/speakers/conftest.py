"""Stores to test with: one file, and a real PostgreSQL where one is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postgres_server import running_server
from sonant.speakers.store import SpeakerStore


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of our own."""
    with running_server() as url:
        yield url


@pytest.fixture
def clean_postgres(postgres_url: str) -> str:
    """The same server without a store in it."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for table in ("utterances", "speakers", "forgotten", "store"):
            connection.execute(f"DROP TABLE IF EXISTS sonant_{table} CASCADE")
    return postgres_url


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a new store goes, in each back end."""
    if request.param == "sqlite":
        return tmp_path / "speakers.sqlite"
    url: str = request.getfixturevalue("clean_postgres")
    return url


@pytest.fixture
def opened(place: Path | str) -> Iterator[Callable[[], SpeakerStore]]:
    """Opens the store at `place` once more, as another process would; all are closed in the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(SpeakerStore(place))


@pytest.fixture
def store(opened: Callable[[], SpeakerStore]) -> SpeakerStore:
    """A store without speakers."""
    return opened()


@pytest.fixture(scope="session")
def talking_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version folder of a speaker bundle that streams."""
    from voice_stream import write_voice_stream

    return write_voice_stream(tmp_path_factory.mktemp("talking"))
