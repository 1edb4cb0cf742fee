"""TensorFlow Serving's URL grammar, to the letter."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.serving.rest.routes import Route, route
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Code, Refusal

HUGE = "9" * 1_000_000


def spec(name: str, *, version: int | None = None, label: str | None = None) -> ModelSpec:
    return ModelSpec(name=name, version=version, label=label)


@pytest.mark.parametrize(
    ("method", "target", "verb", "wanted"),
    [
        ("POST", "/v1/models/kws:predict", "predict", spec("kws")),
        ("POST", "/V1/MODELS/kws/Versions/007:regress", "regress", spec("kws", version=7)),
        ("POST", "/v1/models/kws/labels/a-b.c:classify", "classify", spec("kws", label="a-b.c")),
        ("GET", "/v1/models/kws", "status", spec("kws")),
        ("GET", "/v1/models/metadata", "status", spec("metadata")),
        ("GET", "/v1/models/kws/metadata", "metadata", spec("kws")),
        ("GET", "/v1/models/kws/METADATA", "status", spec("kws")),
        ("GET", "/v1/models/kws/labels/stable/metadata", "metadata", spec("kws", label="stable")),
        ("GET", "/v1/models/a%2Fb%3Ac%C3%A9/labels/%20", "status", spec("a/b:cé", label=" ")),
        ("POST", "/v1/models/a%ZZ:predict", "predict", spec("a%ZZ")),
        ("GET", f"/v1/models/kws/versions/{2**63 - 1}", "status", spec("kws", version=2**63 - 1)),
    ],
)
def test_a_target_says_what_is_asked_of_which_model(
    method: str, target: str, verb: str, wanted: ModelSpec
) -> None:
    assert route(method, target) == Route(verb=verb, spec=wanted)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/foo"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/kws/"),
        ("GET", "/v1/models/kws:predict"),
        ("GET", "/v1/models/kws/versions/-1"),
        ("GET", "/v1/models/kws/versions/٣"),
        ("GET", "/v1/models/kws/versions/1/labels/a"),
        ("POST", "/v1/models/kws"),
        ("POST", "/v1/models/kws:PREDICT"),
        ("POST", "/v1/models/kws:explain"),
        ("POST", "/v1/models/kws/version/1:predict"),
        ("POST", "/v1/models:predict"),
        ("HEAD", "/v1/models/kws"),
        ("DELETE", "/v1/models/kws:predict"),
    ],
)
def test_what_does_not_match_as_a_whole_is_malformed(method: str, target: str) -> None:
    with pytest.raises(Refusal, match=re.escape(f"Malformed request: {method} {target}")) as caught:
        route(method, target)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_query_is_ignored_unless_strict() -> None:
    assert route("POST", "/v1/models/kws:predict?x=1") == route("POST", "/v1/models/kws:predict")
    assert route("GET", "/v1/models/kws?x=1", strict=True).spec == spec("kws?x=1")
    with pytest.raises(Refusal, match=r"Malformed request: POST /v1/models/kws:predict\?x=1"):
        route("POST", "/v1/models/kws:predict?x=1", strict=True)


@pytest.mark.parametrize("version", [str(2**63), str(2**64), HUGE])
def test_a_version_beyond_64_bits_is_no_number(version: str) -> None:
    with pytest.raises(
        Refusal, match=rf"Failed to convert version: {version[:40]}[0-9]* to numeric\."
    ):
        route("POST", f"/v1/models/kws/versions/{version}:predict")


@pytest.mark.parametrize("target", ["/v1/models", "/V1/MODELS/versions/1", "/v1/models/labels/a"])
def test_a_name_has_to_be_there(target: str) -> None:
    with pytest.raises(Refusal, match=r"Missing model name in request\."):
        route("GET", target)


@given(method=st.sampled_from(["GET", "POST"]), rest=st.text(st.characters(max_codepoint=255)))
def test_any_target_is_a_route_or_refused(method: str, rest: str) -> None:
    found = outcome(method, f"/v1/models{rest}")
    assert found is Code.INVALID_ARGUMENT if isinstance(found, Code) else found.spec.name


def outcome(method: str, target: str) -> Route | Code:
    """The route, or the code of the refusal."""
    try:
        return route(method, target)
    except Refusal as refusal:
        return refusal.code
