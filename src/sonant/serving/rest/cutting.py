"""Sound on its way through JSON: long base64 is decoded where it lies, and the parser sees what is left.

A clip is nearly all of its request. To parse it as a string, look for quotes in it and copy it costs
half as much again as to decode it.
"""

from __future__ import annotations

import re
from typing import Final, final

import pybase64

from sonant.serving.rest.parsing import Json

WORTH_IT: Final = 2048
"""Bytes of a body below which there is nothing to gain."""
OPENING: Final = re.compile(rb'"b64"[ \t\n\r]*:[ \t\n\r]*"')
"""In JSON this is a name and the beginning of its text, nothing else: a quote within a text is escaped."""


@final
class Base64Text(str):
    """The text of a `{"b64": text}`, decoded already."""

    content: bytes

    @classmethod
    def of(cls, text: bytes) -> Base64Text:
        """Raises `ValueError` for what is not base64 by the letter."""
        content = pybase64.b64decode(text, validate=True)
        found = cls(text, "ascii")
        found.content = content
        return found


def cut(body: bytes) -> tuple[bytes, list[Base64Text]]:
    """The body with the number of each base64 text in its place, and the texts.

    A body that is short, or not plain enough to be sure of, comes back as it is, with none.
    """
    if len(body) < WORTH_IT:
        return body, []
    texts: list[Base64Text] = []
    parts: list[bytes] = []
    done = 0
    while opening := OPENING.search(body, done):
        begin = opening.end()
        end = body.find(b'"', begin)
        if end < 0:
            return body, []
        try:
            texts.append(Base64Text.of(body[begin:end]))
        except ValueError:
            return body, []
        parts += (body[done:begin], b"%d" % (len(texts) - 1))
        done = end
    rest = b"".join([*parts, body[done:]])
    # An escape could hide a name "b64" from the search, but not from the parser.
    return (body, []) if b"\\" in rest else (rest, texts)


def put_back(root: Json, texts: list[Base64Text]) -> None:
    """Put the texts where their numbers are in the tree."""
    left: list[Json] = [root] if texts else []
    while left:
        value = left.pop()
        if isinstance(value, dict):
            number = value.get("b64")
            if isinstance(number, str):
                value["b64"] = texts[int(number)]
            left += value.values()
        elif isinstance(value, list):
            left += value
