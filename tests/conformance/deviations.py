"""Where we do otherwise than TensorFlow Serving, on purpose. A case is known by its kind, not by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sonant.serving.options import Options

Case: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One of them."""

    reason: str
    is_one: Callable[[Case], bool]
    statuses: tuple[int, ...]
    """What we answer instead."""
    strict: bool = True
    """Whether --strict_compat has TensorFlow Serving's way."""


def _path(case: Case) -> str:
    return str(case["request"]["path"])


def _has_query(case: Case) -> bool:
    return "?" in _path(case)


def _is_status_of_label(case: Case) -> bool:
    path = _path(case)
    return case["request"]["method"] == "GET" and "/labels/" in path and "/metadata" not in path


def _is_small_integer_out_of_range(case: Case) -> bool:
    small = case["model"] in ("id_int8", "id_uint8", "id_int16")
    return small and case["expect_status"] == 200


def _asks_before_labels(case: Case) -> bool:
    return "Model labels does not init yet" in json.dumps(case["expect_body"])


def _is_root(case: Case) -> bool:
    return _path(case) == "/" and case["request"]["method"] == "GET"


def _is_very_deep(case: Case) -> bool:
    body = str(case["request"].get("body", ""))
    return max(body.count("["), body.count("{")) > Options().max_json_depth


HTTP = (
    Deviation(
        reason="JSON is nested no deeper than --max_json_depth",
        is_one=_is_very_deep,
        statuses=(400,),
    ),
    Deviation(
        reason="query strings are ignored",
        is_one=_has_query,
        statuses=(200, 400, 404),
    ),
    Deviation(
        reason="the status of a label is that of its version",
        is_one=_is_status_of_label,
        statuses=(200, 400),
    ),
    Deviation(
        reason="8- and 16-bit integers are held to their range",
        is_one=_is_small_integer_out_of_range,
        statuses=(400,),
        # There the number wraps round in the model, and the table has it from before that.
        strict=False,
    ),
    Deviation(
        reason="the server listens once its first configuration is applied, nobody can ask earlier",
        is_one=_asks_before_labels,
        statuses=(200,),
        strict=False,
    ),
    Deviation(
        reason="the microphone page is at /",
        is_one=_is_root,
        statuses=(200,),
        strict=False,
    ),
)


def deviation_of(case: Case) -> Deviation | None:
    """The deviation that a case is about."""
    return next((one for one in HTTP if one.is_one(case)), None)
