"""What the store asks of a database: a few statements at a time, all of them or none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

Value = int | str | bytes | None
Query = Callable[..., list[tuple[Any, ...]]]
"""One statement with `?` for each value after it -> its rows."""

SCHEMA: Final = 1
"""The number of the tables below; a store with a higher one was written by a newer sonant."""

TABLES: Final = (
    "CREATE TABLE sonant_store (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), "
    "schema INTEGER NOT NULL, revision BIGINT NOT NULL, model TEXT, size INTEGER)",
    "CREATE TABLE sonant_speakers (speaker {identity}, name TEXT NOT NULL UNIQUE, "
    "revision BIGINT NOT NULL, centre {bytes} NOT NULL)",
    "CREATE INDEX sonant_speakers_by_revision ON sonant_speakers (revision)",
    "CREATE TABLE sonant_utterances ("
    "speaker BIGINT NOT NULL REFERENCES sonant_speakers ON DELETE CASCADE, "
    "number INTEGER NOT NULL, digest TEXT NOT NULL, vector {bytes} NOT NULL, "
    "source TEXT NOT NULL, enrolled TEXT NOT NULL, "
    "PRIMARY KEY (speaker, number), UNIQUE (speaker, digest))",
    # A forgotten speaker leaves a number, so that other processes drop the row: no name, no voice.
    "CREATE TABLE sonant_forgotten (speaker BIGINT PRIMARY KEY, revision BIGINT NOT NULL)",
    "CREATE INDEX sonant_forgotten_by_revision ON sonant_forgotten (revision)",
    f"INSERT INTO sonant_store VALUES (1, {SCHEMA}, 0, NULL, NULL)",
)
"""The one schema of every back end; `{identity}` and `{bytes}` are what they call these types."""


class Database(ABC):
    """A database with the tables of a store in it."""

    where: str
    """What messages call it."""

    @abstractmethod
    def transaction(self, *, write: bool) -> AbstractContextManager[Query]:
        """Statements that see one state of the database; an error undoes them all.

        With `write` no other writer comes between. Raises `StoreError` where the database does not answer.
        """

    @abstractmethod
    def scrub(self) -> None:
        """Overwrite what deleted rows left behind, as far as the back end can."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database; closing twice is no error."""
