"""A request and a reply without a server around them: what every HTTP protocol here is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from sonant.serving.status import HTTP_STATUS, Refusal

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in, its body read whole, and unpacked where it was compressed."""

    method: str
    target: str
    """Path and query exactly as on the wire, percent signs and all."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    deadline: float | None = None
    """The loop's time by which the answer is worth something."""
    id: str = ""
    """For the log, and for the `x-request-id` of the reply."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes out."""

    status: int = 200
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    """Whom it was about, for log and metrics."""
    rows: int = 1
    """How many clips it answers, for the metrics."""


def refused(refusal: Refusal) -> Reply:
    """The reply to a request that cannot be granted: `{"error": message}`."""
    headers = {}
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(refusal.retry_after_s)))
    body = orjson.dumps({"error": refusal.message})
    return Reply(status=HTTP_STATUS[refusal.code], body=body, headers=headers)
