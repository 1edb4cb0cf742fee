"""The store's tables in one SQLite file: safe when killed, read and written by many processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

from sonant.errors import StoreError
from sonant.speakers.database import TABLES, Database, Query, Value

APPLICATION: Final = 0x736F_6E73
"""`sons` in the file's header, which tells a store from any other SQLite file."""
PATIENCE_S: Final = 30.0
"""How long a writer waits for another one."""


@final
class SqliteDatabase(Database):
    """One file, in write-ahead mode: readers never wait for a writer."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the file, or make it with `create`.

        Raises `StoreError` when there is none, when it is something else, or cannot be opened.
        """
        self.where = str(path)
        if create:
            _touch(path)
        elif not path.is_file():
            raise StoreError(f"{path}: no such store; enrol somebody first, or check the path")
        with self._named_errors():
            self._connection: Final = sqlite3.connect(
                path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Query]:
        """See `Database`."""
        with self._named_errors():
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield self._query
                self._connection.execute("COMMIT")
            except BaseException:
                # An error of the disk has ended the transaction already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def scrub(self) -> None:
        """Empty the write-ahead log; deleted rows in the file itself are zeros by `secure_delete`.

        Where somebody still reads, the log stays until the next time.
        """
        with self._named_errors():
            self._query("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """See `Database`."""
        self._connection.close()

    def _query(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def _prepare(self) -> None:
        with self._named_errors():
            self._query("PRAGMA foreign_keys = ON")
            self._query("PRAGMA secure_delete = ON")
            # What is enrolled stays enrolled, also when the power fails.
            self._query("PRAGMA synchronous = FULL")
        with self.transaction(write=True) as query:
            ((application,),) = query("PRAGMA application_id")
            ((tables,),) = query("SELECT count(*) FROM sqlite_master")
            if not application and not tables:
                query(f"PRAGMA application_id = {APPLICATION}")
                for table in TABLES:
                    query(table.format(identity="INTEGER PRIMARY KEY AUTOINCREMENT", bytes="BLOB"))
            elif application != APPLICATION:
                raise StoreError(
                    f"{self.where}: is an SQLite file of something else; name another path"
                )
        with self._named_errors():
            self._query("PRAGMA journal_mode = WAL")

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.where}: {_reason(error)}") from error


def _touch(path: Path) -> None:
    """Make an empty file that only its owner can read: what goes into it tells people by their voice."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened for writing ({error.strerror})") from error


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    if "not a database" in text:
        return "is no speaker store; name another path"
    if "locked" in text:
        return f"another process has kept it for {PATIENCE_S:g} s; try again ({text})"
    return f"SQLite says: {text}"
