"""The body of a request as a tree: by a fast parser where it is plain JSON, else by the careful one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import Final

import orjson

from sonant.serving.rest.cutting import cut, put_back
from sonant.serving.rest.dumping import dump
from sonant.serving.rest.parsing import BOM, Json, parse
from sonant.serving.status import Refusal, invalid

LOG: Final = logging.getLogger("sonant.serving")
SIGNATURE_NAME: Final = "signature_name"
FAST_DEPTH: Final = 1024
"""Levels that the fast parser takes."""
FEW_QUOTES: Final = 64
"""So many are found faster one by one than counted, where long strings lie between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A body that is an object."""

    root: dict[str, Json]
    numeric: bool
    """Whether all that is in its lists is known to be numbers: no strings, null, true or false.

    False says nothing."""

    @property
    def signature_name(self) -> str:
        """ "" for the default one; raises `Refusal` where it is no string."""
        name = self.root.get(SIGNATURE_NAME, "")
        if not isinstance(name, str):
            raise invalid(
                f"JSON Value: {dump(self.root)} not formatted correctly. "
                f"'{SIGNATURE_NAME}' key must be a string value."
            )
        return name


def read(body: bytes, *, deepest: int) -> Document:
    """Parse a body as rapidjson would: its words and offsets for what is wrong, and its leniency.

    Of repeated names the first counts, NaN and Inf are numbers, and what follows the root is left
    alone. Raises `Refusal` (INVALID_ARGUMENT) also where it is nested in more than `deepest` levels.
    """
    return read_quickly(body, deepest=deepest) or read_carefully(body, deepest=deepest)


def read_quickly(body: bytes, *, deepest: int) -> Document | None:
    """The same where the body is plain JSON, else None; a hundred times as fast."""
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    if deepest < FAST_DEPTH:
        # Only the careful one counts levels.
        return None
    body, texts = cut(body)
    try:
        root = orjson.loads(memoryview(body)[len(BOM) :] if body.startswith(BOM) else body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(root, dict):
        return None  # the careful one says so
    put_back(root, texts)
    names = _names(root)
    if _occurs(body, b'"', times=2 * len(names)):
        return Document(root=root, numeric=_has_no_words(body, names))
    if not _are_of_strings(root, body):
        # A name that is there twice, or quotes within a string: the careful parser tells which.
        return None
    return Document(root=root, numeric=False)


def read_carefully(body: bytes, *, deepest: int) -> Document:
    """The same value by value."""
    root, end = parse(body, deepest=deepest)
    if not isinstance(root, dict):
        raise _no_object(root)
    if body[end:].strip():
        _tell_of_rest()
    names = _names(root)
    read_part = body[:end]
    numeric = _occurs(read_part, b'"', times=2 * len(names)) and _has_no_words(read_part, names)
    return Document(root=root, numeric=numeric)


def _no_object(root: Json) -> Refusal:
    return invalid(f"JSON Value: {dump(root)} Is not object")


def _names(root: dict[str, Json]) -> list[str]:
    """What stands in quotes in a request of numbers: names down to those of inputs, and the signature's."""
    names = [*root]
    if isinstance(root.get(SIGNATURE_NAME), str):
        names.append(root[SIGNATURE_NAME])
    for value in root.values():
        if isinstance(value, dict):
            names += value
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for row in value:
                names += row if isinstance(row, dict) else ()
    return names


def _has_no_words(body: bytes, names: list[str]) -> bool:
    """Whether there is no true, false or null outside the names; single letters are found fastest."""
    text = "".join(names)
    return all(_occurs(body, letter, times=text.count(letter.decode())) for letter in (b"u", b"l"))


def _occurs(body: bytes, char: bytes, *, times: int) -> bool:
    """Whether it is there exactly so many times; `find` skips what is between much faster than `count`."""
    at = -1
    for _ in range(times):
        at = body.find(char, at + 1)
        if at < 0:
            return False
    return body.find(char, at + 1) < 0


def _are_of_strings(root: dict[str, Json], body: bytes) -> bool:
    """Whether all quotes of the body are those of names and strings in the tree."""
    left: list[Json] = [root]
    quotes = 0
    while left:
        value = left.pop()
        if isinstance(value, dict):
            quotes += 2 * len(value)
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str):
            quotes += 2
    if quotes <= FEW_QUOTES:
        return _occurs(body, b'"', times=quotes)
    return body.count(b'"') == quotes


@cache
def _tell_of_rest() -> None:
    """Once: it is TensorFlow Serving's way, but as a rule a client's mistake."""
    LOG.warning("a body goes on after its JSON value; the rest was ignored, here and from now on")
