"""What every HTTP request goes through: bounds, token, deadline, a client that leaves, the log."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from sonant.serving.front import Front
from sonant.serving.http import Reply, Request
from sonant.serving.options import Options
from sonant.serving.status import Code, invalid

TOKEN = "a-secret-of-some-length"


@dataclass
class Client:
    """One request, as an ASGI server hands it over."""

    body: bytes = b""
    method: str = "POST"
    path: str = "/v1/models/m:predict"
    headers: dict[str, str] = field(default_factory=dict)
    query: bytes = b""
    pieces: int = 1
    leaves: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, front: Front) -> Client:
        asyncio.run(front.http(self.scope(), self._receive(), self._send))
        return self

    def scope(self) -> dict[str, Any]:
        encoded = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        return {
            "type": "http", "method": self.method, "path": self.path, "query_string": self.query,
            "raw_path": self.path.encode(), "headers": encoded, "client": ("127.0.0.1", 4),
        }  # fmt: skip

    def _receive(self) -> Callable[[], Any]:
        size = -(-len(self.body) // self.pieces) or 1
        parts = [self.body[at : at + size] for at in range(0, len(self.body), size)] or [b""]

        async def receive() -> dict[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
            if not self.leaves:
                await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        return receive

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def answer(self) -> Any:
        return json.loads(self.sent[1]["body"])

    def header(self, name: str) -> str | None:
        found = dict(self.sent[0]["headers"]).get(name.encode())
        return None if found is None else found.decode()


class Told:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def request(self, model: str, **said: Any) -> None:
        self.requests.append({"model": model, **said})


def front(answer: Callable[..., Any] | None = None, *, token: str = "", **options: Any) -> Front:
    async def echo(service: Any, request: Request) -> Reply:
        seen = {"method": request.method, "target": request.target, "body": request.body.decode()}
        return Reply(body=json.dumps(seen).encode(), model="m")

    service: Any = SimpleNamespace(
        options=Options(**options), metrics=Told(), draining=asyncio.Event()
    )
    return Front(service, answer or echo, token=token)


def test_a_request_reaches_its_answer_with_its_target_as_it_was_on_the_wire() -> None:
    asked = Client(body=b"hello", pieces=3, path="/v1/a%2Fb", query=b"x=1").ask(front())
    assert asked.status == 200
    assert asked.answer == {"method": "POST", "target": "/v1/a%2Fb?x=1", "body": "hello"}
    assert asked.header("content-type") == "application/json"
    assert asked.header("content-length") == str(len(asked.sent[1]["body"]))


def test_an_id_is_given_or_kept() -> None:
    assert Client(headers={"x-request-id": "mine"}).ask(front()).header("x-request-id") == "mine"
    ids = {Client().ask(front()).header("x-request-id") for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("headers", [{}, {"content-length": "11"}])
def test_a_body_that_is_too_long_is_refused(headers: dict[str, str]) -> None:
    asked = Client(body=b"x" * 11, pieces=4, headers=headers).ask(front(max_body_bytes=10))
    assert asked.status == 413
    assert "at most 10" in asked.answer["error"] or "more than 10" in asked.answer["error"]


def test_a_packed_body_is_unpacked_within_the_same_bound() -> None:
    headers = {"content-encoding": "gzip"}
    asked = Client(body=gzip.compress(b"hello"), headers=headers).ask(front())
    assert asked.answer["body"] == "hello"
    bomb = Client(body=gzip.compress(b"x" * 10**6), headers=headers)
    assert bomb.ask(front(max_body_bytes=10_000)).status == 413


CUT_SHORT = gzip.compress(b"hello" * 99, mtime=0)[:-9]


@pytest.mark.parametrize("body", [b"no gzip", CUT_SHORT, b""], ids=["text", "cut short", "empty"])
def test_what_is_not_gzip_is_named(body: bytes) -> None:
    asked = Client(body=body, headers={"content-encoding": "gzip"}).ask(front())
    assert asked.status == 400
    assert "gzip" in asked.answer["error"]


@pytest.mark.parametrize(
    ("path", "shown", "status"),
    [
        ("/v1/models/m", "", 401),
        ("/v1/models/m", "Bearer wrong", 401),
        ("/v1/models/m", f"Basic {TOKEN}", 401),
        ("/v1/models/m", f"Bearer {TOKEN}", 200),
        ("/v1/models/m", f"bearer  {TOKEN}", 200),
        ("/metrics", "", 401),
        ("/healthz", "", 200),
        ("/", "", 200),
        ("/page/style.css", "", 200),
        ("/page/models.json", "", 401),
        ("/page/graphs/tones/1/stream.onnx", "", 401),
    ],
)
def test_the_token_is_asked_for(path: str, shown: str, status: int) -> None:
    headers = {"authorization": shown} if shown else {}
    asked = Client(method="GET", path=path, headers=headers).ask(front(token=TOKEN))
    assert asked.status == status
    if status == 401:
        assert asked.header("www-authenticate") == "Bearer"


def test_a_refusal_is_told_as_such_and_a_fault_only_by_its_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuses(service: Any, request: Request) -> Reply:
        raise invalid("no such thing")

    async def fails(service: Any, request: Request) -> Reply:
        raise RuntimeError("a secret cause")

    assert Client().ask(front(refuses)).answer == {"error": "no such thing"}
    asked = Client(headers={"x-request-id": "abc"}).ask(front(fails))
    assert asked.status == 500
    assert asked.answer == {"error": "internal error; request id abc"}
    assert "a secret cause" in caplog.text


def test_the_work_is_dropped_when_the_client_leaves() -> None:
    dropped: list[str] = []

    async def slow(service: Any, request: Request) -> Reply:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            dropped.append(request.target)
            raise
        return Reply(body=b"")

    here = front(slow)
    asked = Client(leaves=True).ask(here)
    assert asked.sent == []
    assert dropped == ["/v1/models/m:predict"]
    assert here.in_hand == 0
    told: Any = here.service.metrics
    assert told.requests[0]["code"] is Code.CANCELLED


def test_metrics_hear_of_model_call_and_code() -> None:
    here = front()
    Client().ask(here)
    Client(path="/healthz").ask(here)
    told: Any = here.service.metrics
    (said,) = told.requests
    assert (said["model"], said["api"], said["entrypoint"]) == ("m", "predict", "REST")
    assert said["code"] is Code.OK


def test_while_draining_new_work_is_refused_and_connections_close() -> None:
    here = front()
    here.service.draining.set()
    asked = Client().ask(here)
    assert (asked.status, asked.header("retry-after")) == (503, "1")
    assert asked.header("connection") == "close"
    assert Client(method="GET", path="/v1/models/m").ask(here).status == 200


def test_other_origins_are_allowed_only_when_asked_for() -> None:
    assert Client().ask(front()).header("access-control-allow-origin") is None
    allowed = Client().ask(front(rest_api_enable_cors_support=True))
    assert allowed.header("access-control-allow-origin") == "*"


def test_the_log_is_json_and_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sonant.access"):
        Client(
            body=b"private words",
            query=b"access_token=hidden",
            headers={"authorization": f"Bearer {TOKEN}", "x-request-id": "7"},
        ).ask(front(token=TOKEN))
    (line,) = [json.loads(record.message) for record in caplog.records]
    assert {"id": "7", "method": "POST", "path": "/v1/models/m:predict", "status": 200}.items() <= (
        line.items()
    )
    for secret in ("private", "hidden", TOKEN):
        assert secret not in caplog.text


def test_without_an_access_log_nothing_is_written(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sonant.access"):
        Client().ask(front(access_log=False))
    assert not caplog.records
