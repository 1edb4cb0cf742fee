"""Statements by which speakers come into a store, inside a transaction of its database."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sonant.errors import StoreError
from sonant.speakers.database import SCHEMA, Query
from sonant.speakers.records import Speaker, Utterance
from sonant.speakers.vectors import Vectors, centre, digest, packed, units, unpacked

LONGEST_NAME: Final = 200
ROUNDING: Final = 1e-5
"""Embeddings nearer than this in every value are of one clip, run in one company or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a store is at one moment."""

    revision: int
    """Grows with every change."""
    model: str | None
    """Digest of the model of all embeddings; None where there are none."""
    size: int
    """Numbers in an embedding; 0 where there are none."""


def read_state(query: Query, *, where: str) -> State:
    """The state of the store `where`; raises `StoreError` when a newer sonant has changed its tables."""
    ((schema, revision, model, size),) = query(
        "SELECT schema, revision, model, size FROM sonant_store"
    )
    if schema != SCHEMA:
        raise StoreError(
            f"{where}: has schema {schema}, and this sonant knows {SCHEMA}; install a newer sonant"
        )
    if not query("SELECT 1 FROM sonant_speakers LIMIT 1"):
        return State(revision=revision, model=None, size=0)
    return State(revision=revision, model=model, size=size)


def next_state(query: Query, *, where: str) -> State:
    """The same, with a new revision; whoever writes calls this first.

    It takes the store's only row, so that writers come one after the other and revisions in order.
    """
    query("UPDATE sonant_store SET revision = revision + 1")
    return read_state(query, where=where)


def bind(query: Query, state: State, *, model: str, size: int) -> State:
    """Give a store without embeddings its model; another state stays as it is."""
    if state.model is not None:
        return state
    if not model:
        raise StoreError("model_digest is empty; it is what keeps two models apart")
    query("UPDATE sonant_store SET model = ?, size = ?", model, size)
    return State(revision=state.revision, model=model, size=size)


def check(state: State, *, model: str, size: int, where: str) -> None:
    """Raise `StoreError` unless embeddings of this model and size are those of the store."""
    if model != state.model:
        raise StoreError(
            f"{where}: holds embeddings of the model {str(state.model)[:12]}, not of {model[:12]}, "
            f"and the two cannot be compared; use the model it was made with, or another store"
        )
    if size != state.size:
        raise StoreError(
            f"{where}: an embedding has {size} numbers, want {state.size} as the others have"
        )


def gathered(utterances: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """Utterances by the name of their speaker, vectors of unit length, in the order they came in."""
    found: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        name = clean(utterance.name)
        (vector,) = units(utterance.vector)
        found.setdefault(name, []).append(replace(utterance, name=name, vector=vector))
    return found


def clean(name: str) -> str:
    """A name as it is kept: composed letters, no space around; raises `StoreError` for an unusable one."""
    kept = unicodedata.normalize("NFC", name).strip()
    if not kept or len(kept) > LONGEST_NAME or any(not letter.isprintable() for letter in kept):
        raise StoreError(
            f"{name!r} is no name: want 1 to {LONGEST_NAME} letters, digits, signs or spaces"
        )
    return kept


def forget(query: Query, name: str, *, revision: int) -> int | None:
    """Delete a speaker; returns how many utterances there were, None when there is no such speaker."""
    rows = query("SELECT speaker FROM sonant_speakers WHERE name = ?", name)
    if not rows:
        return None
    ((speaker,),) = rows
    ((count,),) = query("SELECT count(*) FROM sonant_utterances WHERE speaker = ?", speaker)
    query("DELETE FROM sonant_utterances WHERE speaker = ?", speaker)
    query("DELETE FROM sonant_speakers WHERE speaker = ?", speaker)
    query("INSERT INTO sonant_forgotten VALUES (?, ?)", speaker, revision)
    return int(count)


def add(
    query: Query, name: str, utterances: Sequence[Utterance], *, revision: int, now: str
) -> Speaker:
    """Write one speaker's new utterances and where the middle of all of them is now."""
    kept = query(
        "SELECT number, vector, enrolled FROM sonant_speakers "
        "JOIN sonant_utterances USING (speaker) WHERE name = ? ORDER BY number",
        name,
    )
    before = [unpacked(row[1]) for row in kept]
    fresh = [replace(one, enrolled=one.enrolled or now) for one in _new(utterances, before)]
    vectors = before + [one.vector for one in fresh]
    speaker = _place(query, name, packed(centre(np.stack(vectors))), revision=revision)
    first = 1 + max((row[0] for row in kept), default=0)
    for number, one in enumerate(fresh, start=first):
        query(
            "INSERT INTO sonant_utterances VALUES (?, ?, ?, ?, ?, ?)",
            *(speaker, number, digest(one.vector), packed(one.vector), one.source, one.enrolled),
        )
    dates = [row[2] for row in kept] + [one.enrolled for one in fresh]
    return Speaker(name=name, utterances=len(vectors), enrolled=max(dates))


def _new(utterances: Sequence[Utterance], before: Sequence[Vectors]) -> list[Utterance]:
    """Those that are neither among the vectors kept before nor given twice."""
    rows = np.stack([*before, *(one.vector for one in utterances)])
    return [
        one
        for place, one in enumerate(utterances, start=len(before))
        if not (np.abs(rows[:place] - rows[place]).max(axis=1) < ROUNDING).any()
    ]


def empty(query: Query, name: str) -> None:
    """Delete a speaker's utterances, and leave the speaker to be written anew."""
    query(
        "DELETE FROM sonant_utterances WHERE speaker IN "
        "(SELECT speaker FROM sonant_speakers WHERE name = ?)",
        name,
    )


def _place(query: Query, name: str, middle: bytes, *, revision: int) -> int:
    """The number of a speaker, new or with another middle."""
    find = "SELECT speaker FROM sonant_speakers WHERE name = ?"
    if query(find, name):
        query(
            "UPDATE sonant_speakers SET revision = ?, centre = ? WHERE name = ?",
            *(revision, middle, name),
        )
    else:
        query(
            "INSERT INTO sonant_speakers (name, revision, centre) VALUES (?, ?, ?)",
            *(name, revision, middle),
        )
    ((speaker,),) = query(find, name)
    return int(speaker)
