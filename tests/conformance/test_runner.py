"""The runner itself: it can tell a right reply from a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import encode_cases, http_cases, matching
from conformance.deviations import deviation_of
from conformance.http_cases import Servers
from conformance.tally import Tally


def case(path: str, expect: Any, *, group: str = "predict", **more: Any) -> dict[str, Any]:
    return {
        "name": "made-up",
        "group": group,
        "model": "hpt",
        "request": {"method": "POST", "path": path, "body": '{"instances":[1.0]}'},
        "expect_status": 200,
        "expect_body": expect,
        "match": "json",
        **more,
    }


PREDICT = "/v1/models/half_plus_two:predict"


def test_a_right_reply_is_green_and_a_wrong_one_fails(servers: Servers) -> None:
    assert http_cases.check(case(PREDICT, {"predictions": [2.5]}), servers) == ""
    for wrong in ({"predictions": [2.51]}, {"outputs": [2.5]}, {"predictions": [2.5], "x": 1}):
        with pytest.raises(AssertionError):
            http_cases.check(case(PREDICT, wrong), servers)
    with pytest.raises(AssertionError):
        http_cases.check(case(PREDICT, {"predictions": [2.5]}, expect_status=400), servers)


def test_a_deviation_has_to_be_upstreams_way_when_strict(servers: Servers) -> None:
    malformed = {"error": f"Malformed request: POST {PREDICT}?x=1"}
    strict = case(f"{PREDICT}?x=1", malformed, expect_status=400, match="exact")
    assert http_cases.check(strict, servers) == "query strings are ignored"
    with pytest.raises(AssertionError):
        http_cases.check({**strict, "expect_body": {"error": "no"}}, servers)


@pytest.mark.parametrize(
    "states",
    [
        [("3", "LOADING", "OK"), ("2", "AVAILABLE", "OK"), ("1", "END", "OK")],
        [("2", "AVAILABLE", "OK"), ("1", "UNLOADING", "OK")],
        [("2", "END", "DATA_LOSS"), ("1", "AVAILABLE", "OK")],
    ],
)
def test_versions_are_brought_into_any_states(
    servers: Servers, states: list[tuple[str, str, str]]
) -> None:
    listed = [
        {
            "version": version,
            "state": state,
            "status": {"error_code": code, "error_message": "<any>"},
        }
        for version, state, code in states
    ]
    wanted = case("/v1/models/m", {"model_version_status": listed}, group="status", match="shape")
    wanted["request"] = {"method": "GET", "path": "/v1/models/m", "body": ""}
    assert http_cases.check(wanted, servers) == ""


def test_a_packed_body_is_packed(servers: Servers) -> None:
    packed = case(PREDICT, {"predictions": [2.5]})
    packed["request"]["headers"] = {"Content-Encoding": "gzip"}
    assert http_cases.check(packed, servers) == ""


def test_ordinary_cases_are_no_deviations() -> None:
    assert deviation_of(case(PREDICT, {})) is None
    assert deviation_of(case("/v1/models/m/labels/a/metadata", {})) is None


def test_the_encoder_is_held_to_the_text() -> None:
    said = {"model": "float32 tensor ['0.1']", "match": "text, whitespace-insensitive"}
    encode_cases.check({**said, "expect_status": 200, "expect_text": '{"predictions": [0.1 ] }'})
    with pytest.raises(AssertionError):
        encode_cases.check(
            {**said, "expect_status": 200, "expect_text": '{"predictions": [0.10] }'}
        )


@pytest.mark.parametrize(
    ("got", "want", "equal"),
    [
        (1.0, 1, True), (1.0, 1.0000001, True), (1.0, 1.1, False), (True, 1, False), ("1", 1, False),
        (float("nan"), float("nan"), True), ([1], [1, 2], False), ({"a": 1}, {"a": 1, "b": 2}, False),
    ],
)  # fmt: skip
def test_sameness_is_of_values_and_types(got: Any, want: Any, equal: bool) -> None:
    assert matching.same(got, want) is equal


def test_the_counts_are_told_by_group() -> None:
    tally = Tally()
    tally.green({"group": "predict", "name": "a"})
    tally.deviates({"group": "predict", "name": "b"}, "because")
    tally.failed({"group": "grpc", "name": "c"})
    lines = [line.split() for line in tally.text().splitlines()]
    assert ["predict", "1", "1", "0"] in lines
    assert ["all", "1", "1", "1"] in lines
    assert ["deviation", "b:", "because"] in lines
