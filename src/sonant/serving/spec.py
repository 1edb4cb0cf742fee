"""Which model is meant, and how a version of it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from sonant.serving.status import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What a request says of the model it wants; version and label are never both given."""

    name: str
    version: int | None = None
    """None, with no label either: the newest that answers."""
    label: str | None = None


class State(IntEnum):
    """Where a version stands; names and numbers are TensorFlow Serving's."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """One version in the answer to a status request."""

    version: int
    state: State
    code: Code = Code.OK
    message: str = ""
    """Why it failed to load."""
