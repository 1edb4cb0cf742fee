"""TensorFlow Serving's URL grammar: which model is meant, and what is asked of it.

A target that does not match as a whole is malformed: 400, whatever is wrong with it; there is no 405.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from sonant.serving.spec import ModelSpec
from sonant.serving.status import invalid

_MODEL = r"/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+)"
POST: Final = re.compile(
    rf"(?ias)/v1/models/(?P<name>[^/:]+)(?:{_MODEL})?:(?P<verb>classify|regress|predict)"
)
GET: Final = re.compile(
    rf"(?ias)/v1/models(?:/(?P<name>[^/:]+))?(?:{_MODEL})?(?:/(?P<verb>metadata))?"
)
LARGEST_VERSION: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a target says."""

    verb: str
    """predict, classify, regress, metadata or status."""
    spec: ModelSpec


def route(method: str, target: str, *, strict: bool = False) -> Route:
    """Read a target; with `strict`, a query string belongs to the path, as it does upstream.

    Raises `Refusal` (INVALID_ARGUMENT): malformed, a version beyond 64 bits, or no model's name.
    """
    path = target if strict else target.partition("?")[0]
    grammar = {"POST": POST, "GET": GET}.get(method)
    found = grammar.fullmatch(path) if grammar else None
    if found is None:
        raise invalid(f"Malformed request: {method} {path}")
    verb = found["verb"] or "status"
    version = _version(found["version"])
    if method == "POST" and not verb.islower():
        raise invalid(f"Malformed request: {method} {path}")
    if not found["name"]:
        raise invalid("Missing model name in request.")
    name, label = _decoded(found["name"]), found["label"]
    return Route(
        # The words of a GET are matched in any case, but only this one means metadata.
        verb=verb if verb.islower() else "status",
        spec=ModelSpec(name=name, version=version, label=_decoded(label) if label else None),
    )


def _version(digits: str | None) -> int | None:
    if digits is None:
        return None
    # Counted first: a number of a million digits takes minutes to convert.
    significant = digits.lstrip("0")
    if len(significant) > len(str(LARGEST_VERSION)) or int(significant or "0") > LARGEST_VERSION:
        raise invalid(f"Failed to convert version: {digits} to numeric.")
    return int(significant or "0")


def _decoded(part: str) -> str:
    """Percent signs resolved, after matching: `%2F` and `%3A` may be inside a name."""
    return unquote_to_bytes(part.encode("latin-1", "replace")).decode("utf-8", "replace")
