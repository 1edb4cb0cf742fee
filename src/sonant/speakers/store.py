"""Enrolled speakers in one SQLite file, or in PostgreSQL: enrol, identify, forget.

A finished enrolment is on the disk whole; one that was killed never happened. Any number of processes may
read and write one store at a time, and each sees what the others have done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from numpy.typing import ArrayLike

from sonant.errors import StoreError
from sonant.speakers import enrolment
from sonant.speakers.database import Database
from sonant.speakers.enrolment import State
from sonant.speakers.postgres import SCHEMES, PostgresDatabase
from sonant.speakers.records import Candidate, Speaker, Utterance
from sonant.speakers.search import Search
from sonant.speakers.sqlite import SqliteDatabase
from sonant.speakers.vectors import Vectors, stacked, units, unpacked


@final
class SpeakerStore:
    """Embeddings of named speakers, all made by one model; usable from any thread."""

    def __init__(self, path: Path | str, *, create: bool = True) -> None:
        """Open the SQLite file `path`, or the PostgreSQL database of a `postgresql://` URL.

        A file that is not there is made, unless `create` is False. Raises `StoreError` when it is something
        else, was written by a newer sonant, or cannot be opened; `MissingExtra` without PostgreSQL's driver.
        """
        shared = isinstance(path, str) and path.startswith(SCHEMES)
        self._database: Final[Database] = (
            PostgresDatabase(str(path)) if shared else SqliteDatabase(Path(path), create=create)
        )
        self._lock: Final = threading.RLock()
        self._names: Final[dict[int, str]] = {}
        self._seen = State(revision=0, model=None, size=0)
        self._search = Search(1)
        try:
            self._state()
        except BaseException:
            self.close()
            raise

    @property
    def where(self) -> str:
        """The file or database, for messages."""
        return self._database.where

    @property
    def model_digest(self) -> str | None:
        """Which model all embeddings are from; None while nobody is enrolled."""
        return self._state().model

    def enroll(
        self,
        name: str,
        embeddings: ArrayLike,
        *,
        model_digest: str,
        sources: Sequence[str] = (),
        replace: bool = False,
    ) -> Speaker:
        """Keep embeddings [utterances, size] of a speaker, beside those that are there.

        `sources` says where each came from. `replace` drops the earlier ones first. The same embedding
        twice is kept once, so an enrolment may be repeated. Raises `StoreError` for an embedding of another
        model or size, one without a direction, or an unusable name; then nothing has changed.
        """
        vectors = units(embeddings)
        if sources and len(sources) != len(vectors):
            raise StoreError(f"{name}: {len(vectors)} embeddings, but {len(sources)} sources")
        utterances = [
            Utterance(name=name, vector=vector, source=source)
            for vector, source in zip(vectors, sources or [""] * len(vectors), strict=True)
        ]
        return self.enroll_all(utterances, model_digest=model_digest, replace=replace)[0]

    def enroll_all(
        self, utterances: Iterable[Utterance], *, model_digest: str, replace: bool = False
    ) -> list[Speaker]:
        """Enrol many speakers at once, all of them or none; returns them in the order of first mention.

        Raises `StoreError` as `enroll` does.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        speakers = enrolment.gathered(utterances)
        done = []
        with self._lock:
            with self._database.transaction(write=True) as query:
                state = enrolment.next_state(query, where=self.where)
                for name, mine in speakers.items():
                    size = len(mine[0].vector)
                    state = enrolment.bind(query, state, model=model_digest, size=size)
                    for one in mine:
                        size = len(one.vector)
                        enrolment.check(state, model=model_digest, size=size, where=self.where)
                    if replace:
                        enrolment.empty(query, name)
                    revision = state.revision
                    done.append(enrolment.add(query, name, mine, revision=revision, now=now))
            if replace:
                self._database.scrub()
        return done

    def identify(self, embedding: ArrayLike, top: int = 5, *, model_digest: str) -> list[Candidate]:
        """The `top` speakers nearest to an embedding [size], nearest first; none when nobody is enrolled.

        Whether the nearest has spoken is for `sonant.speakers.verdict` to say. Raises `StoreError` for an
        embedding of another model or size.
        """
        (vector,) = units(embedding)
        with self._lock:
            self._refresh()
            if not self._names:
                return []
            size = len(vector)
            enrolment.check(self._seen, model=model_digest, size=size, where=self.where)
            found = self._search.nearest(vector, top=top)
            return [Candidate(name=self._names[key], cosine=score) for key, score in found]

    def centre(self, name: str) -> Vectors:
        """The unit vector [size] in the middle of a speaker's utterances; raises `StoreError` if unknown."""
        name = enrolment.clean(name)
        with self._lock, self._database.transaction(write=False) as query:
            rows = query("SELECT centre FROM sonant_speakers WHERE name = ?", name)
        if not rows:
            raise self._unknown(name)
        return unpacked(rows[0][0])

    def count(self) -> int:
        """How many are enrolled, without naming them."""
        with self._lock, self._database.transaction(write=False) as query:
            ((count,),) = query("SELECT count(*) FROM sonant_speakers")
        return int(count)

    def names(self) -> list[str]:
        """Everybody who is enrolled, sorted."""
        with self._lock, self._database.transaction(write=False) as query:
            return sorted(name for (name,) in query("SELECT name FROM sonant_speakers"))

    def speakers(self) -> list[Speaker]:
        """Everybody who is enrolled, sorted by name, and with how much."""
        with self._lock, self._database.transaction(write=False) as query:
            rows = query(
                "SELECT name, count(*), max(enrolled) FROM sonant_speakers "
                "JOIN sonant_utterances USING (speaker) GROUP BY name"
            )
        return [
            Speaker(name=name, utterances=int(count), enrolled=enrolled)
            for name, count, enrolled in sorted(rows)
        ]

    def snapshot(self) -> tuple[str | None, list[Utterance]]:
        """The model's digest and every embedding at one moment, by name, then in order of enrolment."""
        with self._lock, self._database.transaction(write=False) as query:
            model = enrolment.read_state(query, where=self.where).model
            rows = query(
                "SELECT name, number, vector, source, enrolled FROM sonant_speakers "
                "JOIN sonant_utterances USING (speaker)"
            )
        return model, [
            Utterance(name=name, vector=unpacked(vector), source=source, enrolled=enrolled)
            for name, _, vector, source, enrolled in sorted(rows, key=lambda row: row[:2])
        ]

    def forget(self, name: str) -> int:
        """Remove a speaker and every embedding of theirs; returns how many there were.

        What was deleted is overwritten in the file. Raises `StoreError` when nobody has that name.
        """
        name = enrolment.clean(name)
        with self._lock:
            with self._database.transaction(write=True) as query:
                state = enrolment.next_state(query, where=self.where)
                count = enrolment.forget(query, name, revision=state.revision)
                if count is None:
                    raise self._unknown(name)
            self._refresh()
            self._database.scrub()
        return count

    def close(self) -> None:
        """Let go of the store; closing twice is no error."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _state(self) -> State:
        with self._lock, self._database.transaction(write=False) as query:
            return enrolment.read_state(query, where=self.where)

    def _refresh(self) -> None:
        """Take into the search what changed since the last time, by whomever."""
        with self._database.transaction(write=False) as query:
            state, seen = enrolment.read_state(query, where=self.where), self._seen
            if state == seen:
                return
            same = (state.model, state.size) == (seen.model, seen.size)
            since = seen.revision if same else 0
            gone = query("SELECT speaker FROM sonant_forgotten WHERE revision > ?", since)
            rows = query(
                "SELECT speaker, name, centre FROM sonant_speakers WHERE revision > ? "
                "ORDER BY speaker",
                since,
            )
        if not same:
            self._search = Search(state.size)
            self._names.clear()
        for (speaker,) in gone:
            self._search.remove(speaker)
            self._names.pop(speaker, None)
        if rows:
            self._names.update((speaker, name) for speaker, name, _ in rows)
            keys = [speaker for speaker, _, _ in rows]
            self._search.put(keys, stacked([vector for _, _, vector in rows]))
        self._seen = state

    def _unknown(self, name: str) -> StoreError:
        return StoreError(f"{self.where}: nobody is enrolled as '{name}'; list who is")
