"""The store's tables in PostgreSQL, for servers that share what they know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, final

from sonant.errors import MissingExtra, StoreError
from sonant.speakers.database import TABLES, Database, Query

SCHEMES: Final = ("postgresql://", "postgres://")
MAKING: Final = 0x736F_6E61_6E74
"""The lock that the first two users of a database take in turn to make its tables."""


@final
class PostgresDatabase(Database):
    """One connection to a server; it is made anew after it was lost."""

    def __init__(self, url: str) -> None:
        """Connect, and make the tables where there are none.

        Raises `MissingExtra` without psycopg, and `StoreError` when the server cannot be reached.
        """
        try:
            self._driver: Final[Any] = import_module("psycopg")
        except ImportError as error:
            raise MissingExtra(
                "psycopg", extra="postgres", purpose="a speaker store in PostgreSQL"
            ) from error
        self._url: Final = url
        self.where = _without_password(self._driver, url)
        self._connection: Any = None
        with self.transaction(write=True) as query:
            query("SELECT pg_advisory_xact_lock(?)", MAKING)
            if query("SELECT to_regclass('sonant_store')") == [(None,)]:
                for table in TABLES:
                    query(
                        table.format(
                            identity="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                            bytes="BYTEA",
                        )
                    )

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Query]:
        """See `Database`: the store's first statement locks its only row, which keeps writers in turn."""
        try:
            connection = self._connected()
            with connection.transaction():
                if not write:
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield self._query
        except self._driver.Error as error:
            raise StoreError(f"{self.where}: PostgreSQL says: {str(error).strip()}") from error

    def scrub(self) -> None:
        """Have the server clear dead rows away; the disk space itself it reuses in its own time."""
        try:
            self._connected().execute("VACUUM sonant_speakers, sonant_utterances")
        except self._driver.Error as error:
            raise StoreError(f"{self.where}: PostgreSQL says: {str(error).strip()}") from error

    def close(self) -> None:
        """See `Database`."""
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Any:
        if self._connection is None or self._connection.closed:
            self._connection = self._driver.connect(self._url, autocommit=True)
        return self._connection

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.replace("?", "%s"), values or None)
        return cursor.fetchall() if cursor.description else []


def _without_password(driver: Any, url: str) -> str:
    """The server and database of a URL, for messages."""
    try:
        parts = driver.conninfo.conninfo_to_dict(url)
    except driver.Error as error:
        raise StoreError(f"the URL of the speaker store cannot be read ({error})") from error
    return f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"
