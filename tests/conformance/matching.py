"""What it means that a reply is the one expected."""

from __future__ import annotations

import json
import math
import re
from typing import Any

RELATIVE = 1e-6


def same(got: Any, want: Any, *, subset: bool = False, shape: bool = False) -> bool:
    """Equal, numbers nearly; with `subset`, more names may be there; with `shape`, `<...>` is any text."""
    if isinstance(want, dict):
        if not isinstance(got, dict) or not (subset or got.keys() == want.keys()):
            return False
        return all(
            name in got and same(got[name], value, subset=subset, shape=shape)
            for name, value in want.items()
        )
    if isinstance(want, list):
        return (
            isinstance(got, list)
            and len(got) == len(want)
            and all(
                same(one, other, subset=subset, shape=shape)
                for one, other in zip(got, want, strict=True)
            )
        )
    if shape and isinstance(want, str) and re.fullmatch(r"<.*>", want):
        return isinstance(got, str)
    if isinstance(want, bool) or isinstance(got, bool) or not isinstance(want, int | float):
        return type(got) is type(want) and bool(got == want)
    if not isinstance(got, int | float):
        return False
    return got == want or (math.isnan(got) and math.isnan(want)) or near(got, want)


def near(got: float, want: float) -> bool:
    return math.isclose(got, want, rel_tol=RELATIVE)


def tolerant(text: str) -> Any:
    """JSON with NaN, Infinity and Inf."""
    return json.loads(re.sub(r"\bInf\b", "Infinity", text))


def squeezed(text: str) -> str:
    """Without whitespace."""
    return re.sub(r"\s+", "", text)


def check(match: str, got: str, case: dict[str, Any]) -> None:
    """Hold the body of a reply to a case; raises `AssertionError`."""
    want = case.get("expect_body")
    if match == "status_only":
        return
    if match == "exact":
        assert json.loads(got) == want
    elif match in ("json", "json_subset", "shape"):
        found = json.loads(got)
        assert same(found, want, subset=match == "json_subset", shape=match == "shape"), found
    elif match == "json_nan":
        assert same(tolerant(got), tolerant(case["expect_text"])), got
    elif match == "text":
        assert got == want
    elif match == "prefix":
        assert json.loads(got)["error"].startswith(want["error"]), got
    elif match.startswith("contains"):
        quoted = re.search(r'"(.*)"', match)
        assert (quoted[1] if quoted else want) in got
    elif match.startswith("text, whitespace-insensitive"):
        assert squeezed(got) == squeezed(case["expect_text"])
    else:
        raise AssertionError(f"the runner does not know how to match {match!r}")
