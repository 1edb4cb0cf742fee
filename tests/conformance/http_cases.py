"""Cases of HTTP: each is sent over a socket, byte for byte as it stands."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from conformance import matching
from conformance.deviations import Case, deviation_of
from conformance.scenes import serving_statuses
from serving import fakes
from sonant.serving.options import Options
from sonant.serving.server import in_background

GROUPS = (
    "predict", "predict_json_error", "predict_shape_type_error", "routing", "lookup", "status",
    "metadata", "classify_regress",
)  # fmt: skip
QUIET = Options(rest_api_port=-1, port=0, wyoming_port=0, access_log=False)
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "Content-Type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Addresses."""

    usual: str
    strict: str
    """With --strict_compat."""
    open: str
    """With --rest_api_enable_cors_support."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


@contextmanager
def servers_running() -> Iterator[Servers]:
    """The real server thrice over the table's models."""
    with (
        in_background(QUIET, fill=fakes.fill) as usual,
        in_background(replace(QUIET, strict_compat=True), fill=fakes.fill) as strict,
        in_background(replace(QUIET, rest_api_enable_cors_support=True), fill=fakes.fill) as opened,
    ):
        yield Servers(usual=usual.url, strict=strict.url, open=opened.url)


def ask(url: str, case: Case) -> Answer:
    """Send the request of a case to a server."""
    said = case["request"]
    headers = dict(said.get("headers", {}))
    body = (
        said["body"].encode()
        if isinstance(said["body"], str)
        else json.dumps(said["body"]).encode()
    )
    if _is_to_be_packed(case, headers):
        # Words around it may say that it is packed.
        inner = re.search(rb"\{.*\}", body, re.DOTALL)
        body = gzip.compress(inner[0] if inner else body)
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(said["method"], said["path"], body or None, headers)
        reply = connection.getresponse()
        text = reply.read().decode("utf-8", "replace")
        return Answer(
            status=reply.status,
            headers={name.lower(): value for name, value in reply.getheaders()},
            text=text,
        )
    finally:
        connection.close()


def check(case: Case, servers: Servers) -> str:
    """Hold the server to a case; returns the reason of a deviation, "" where there is none."""
    if case["group"] == "status" and _is_of_no_fake(case):
        with serving_statuses(case) as url:
            _check_answer(ask(url, case), case)
        return ""
    usual = ask(servers.usual, case)
    deviation = deviation_of(case)
    if deviation is None or _is_met(usual, case):
        _check_answer(usual, case)
        if case["request"]["method"] == "OPTIONS":
            _check_cors(ask(servers.open, case), usual)
        for name, value in case.get("expect_headers", {}).items():
            assert ask(servers.open, case).headers.get(name.lower()) == value
        return ""
    assert usual.status in deviation.statuses, usual
    if deviation.strict:
        _check_answer(ask(servers.strict, case), case)
    return deviation.reason


def _check_answer(answer: Answer, case: Case) -> None:
    assert answer.status == case["expect_status"], answer
    matching.check(case["match"], answer.text, case)
    if case["request"]["path"].lower().startswith("/v1/") and answer.text:
        assert answer.headers["content-type"] == "application/json"


def _check_cors(opened: Answer, usual: Answer) -> None:
    assert opened.status == usual.status
    assert CORS.items() <= opened.headers.items()
    assert not CORS.keys() & usual.headers.keys()


def _is_met(answer: Answer, case: Case) -> bool:
    try:
        _check_answer(answer, case)
    except (AssertionError, ValueError):
        return False
    return True


def _is_of_no_fake(case: Case) -> bool:
    """Whether a case is about versions on their way, which the table describes by their states."""
    body: Any = case["expect_body"]
    listed = body.get("model_version_status", []) if isinstance(body, dict) else []
    return any(one["state"] != "AVAILABLE" for one in listed)


def _is_to_be_packed(case: Case, headers: dict[str, str]) -> bool:
    encodings = [value for name, value in headers.items() if name.lower() == "content-encoding"]
    return any("gzip" in value for value in encodings) and case["expect_status"] == 200
