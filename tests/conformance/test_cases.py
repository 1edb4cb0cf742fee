"""Every case of the table: green, or a deviation that is written down with its reason."""

from __future__ import annotations

import importlib
from typing import Any

from conformance import decode_cases, encode_cases, http_cases, matching, scenes
from conformance.http_cases import Servers
from conformance.tally import Tally

ELSEWHERE = {"config": "conformance.config_cases", "grpc": "conformance.grpc_cases"}


def test_case(case: dict[str, Any], servers: Servers, tally: Tally) -> None:
    try:
        reason = outcome(case, servers)
    except BaseException:
        tally.failed(case)
        raise
    if reason:
        tally.deviates(case, reason)
    else:
        tally.green(case)


def outcome(case: dict[str, Any], servers: Servers) -> str:
    """The reason of a deviation, "" for green; raises `AssertionError` for neither."""
    group = case["group"]
    if group in http_cases.GROUPS:
        return http_cases.check(case, servers)
    if group == "server_condition":
        answer = scenes.check_condition(case, http_cases.ask)
        assert answer.status == case["expect_status"], answer
        matching.check(case["match"], answer.text, case)
        return ""
    if group == "encode":
        encode_cases.check(case)
        return ""
    if group == "classify_regress_decode":
        decode_cases.check(case)
        return ""
    found = importlib.import_module(ELSEWHERE[group]).check(case)
    return found or ""
