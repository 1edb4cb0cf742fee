"""Which version is meant, and what is said of one that does not answer."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from serving.doubles import Doubling
from serving.kserve.house import built, tensor
from sonant.serving import kserve
from sonant.serving.http import Reply, Request
from sonant.serving.kserve.choosing import held, spec_of
from sonant.serving.spec import ModelSpec, State, VersionStatus
from sonant.serving.status import Code, Refusal, not_found


def service(*states: State) -> Any:
    """A service with one model, `kws`, whose versions 1, 2, ... are in these states and do not answer."""

    def refuse(_: ModelSpec) -> Any:
        raise not_found("Servable not found for request: Latest(kws)")

    statuses = [VersionStatus(version=1 + at, state=state) for at, state in enumerate(states)]
    catalog = SimpleNamespace(names=lambda: ["kws"], held=refuse, statuses=lambda _: statuses)
    return SimpleNamespace(catalog=catalog)


@pytest.mark.parametrize(
    ("version", "states", "code", "message"),
    [
        (None, [State.END], Code.NOT_FOUND, "'kws' has no available versions"),
        (None, [State.END, State.LOADING], Code.UNAVAILABLE, "'kws' that is loading"),
        ("1", [State.START], Code.UNAVAILABLE, "'kws' version 1 that is loading"),
        ("1", [State.END, State.LOADING], Code.NOT_FOUND, "'kws' version 1 is not at ready state"),
        ("7", [State.LOADING], Code.NOT_FOUND, "'kws' version 7 is not found"),
    ],
)
def test_what_does_not_answer_is_told_apart(
    version: str | None, states: list[State], code: Code, message: str
) -> None:
    with (
        pytest.raises(Refusal, match=message) as caught,
        held(service(*states), spec_of("kws", version)),
    ):
        raise AssertionError("it was held")
    assert caught.value.code is code
    # Only what will soon be there is worth another try.
    assert bool(caught.value.retry_after_s) is (code is Code.UNAVAILABLE)


def test_a_version_is_a_number_or_a_label() -> None:
    assert spec_of("m", None) == ModelSpec(name="m")
    assert spec_of("m", "007") == ModelSpec(name="m", version=7)
    assert spec_of("m", "9223372036854775807").version == 2**63 - 1
    assert spec_of("m", "stable") == ModelSpec(name="m", label="stable")


def test_who_waits_longer_than_he_wants_is_told_to_come_back() -> None:
    gate = threading.Event()
    body = {"inputs": [tensor("x", "FP32", [[1.0]])]}
    hasty = {**body, "parameters": {"timeout": 1000}}

    def request(tree: object) -> Request:
        content = json.dumps(tree).encode()
        return Request(method="POST", target="/v2/models/d/infer", headers={}, body=content)

    with built(inference_threads=1) as house:

        async def ask() -> tuple[Reply, Reply]:
            house.service.catalog.add("d", 1, Doubling(gate=gate))
            first = asyncio.ensure_future(kserve.answer(house.service, request(body)))
            await asyncio.sleep(0)
            second = await kserve.answer(house.service, request(hasty))
            gate.set()
            return await first, second

        first, second = house.runner.run(ask())
    assert first.status == 200
    assert second.status == 503
    assert second.headers["retry-after"] == "1"
    assert b"waiting in batching queue" in second.body
