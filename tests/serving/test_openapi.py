"""The OpenAPI document: well-formed, and of the paths that the server answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from sonant.serving import app, kserve, openapi, pages, speakers
from sonant.serving.front import OPEN_TO_ALL
from sonant.serving.openapi_schemas import DATATYPES, STATES
from sonant.serving.rest import routes
from sonant.serving.spec import State
from sonant.serving.status import HTTP_STATUS
from sonant.serving.tensors import DTYPES

PATHS: dict[str, Any] = openapi.document()["paths"]
METHODS = ("get", "post", "delete")
FILLED = {"name": "m", "version": "7", "label": "stable"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in PATHS.items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def filled(path: str) -> str:
    return path.format(**FILLED)


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for value in tree.values():
            yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)


def test_it_is_json_and_refers_only_to_what_is_in_it() -> None:
    document = openapi.document()
    assert json.loads(json.dumps(document)) == document
    used = set(references(document))
    for reference in used:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    for room in ("schemas", "responses"):
        there = {f"#/components/{room}/{name}" for name in document["components"][room]}
        assert there <= used, there - used


def test_every_schema_is_one() -> None:
    document = openapi.document()
    for name, schema in document["components"]["schemas"].items():
        whole = {**schema, "components": document["components"]}
        assert jsonschema_rs.validator_for(whole), name


def test_every_operation_has_a_name_of_its_own_and_says_how_it_ends() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, _, operation in operations():
        assert operation["summary"].endswith("."), path
        assert "200" in operation["responses"], path


def test_every_parameter_of_a_path_is_described() -> None:
    for path, item in PATHS.items():
        described = {one["name"] for one in item.get("parameters", ()) if one["in"] == "path"}
        assert described == set(re.findall(r"{(\w+)}", path)), path


def test_words_are_those_of_the_tables() -> None:
    assert set(STATES) == {state.name for state in State}
    assert set(DATATYPES) == {dtype.kserve for dtype in DTYPES}
    for _, _, operation in operations():
        assert {int(code) for code in operation["responses"]} <= {*HTTP_STATUS.values(), 413}


def test_what_needs_no_token_says_so() -> None:
    for path, _, operation in operations():
        is_open = path in OPEN_TO_ALL or path in pages.FILES
        assert is_open == (operation.get("security") == [{}]), path
    assert set(PATHS) >= OPEN_TO_ALL


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("/v1/models")])
def test_paths_of_tensorflow_serving_are_those_of_its_grammar(path: str) -> None:
    grammar = {"get": routes.GET, "post": routes.POST}
    for method in ("get", "post"):
        assert (method in PATHS[path]) == bool(grammar[method].fullmatch(filled(path)))
        if method in PATHS[path]:
            found = routes.route(method.upper(), filled(path))
            assert found.spec.name == "m"
            assert found.spec.version == (7 if "{version}" in path else None)
            assert found.spec.label == ("stable" if "{label}" in path else None)
            assert found.verb in (path.rpartition(":")[2], path.rpartition("/")[2], "status")


def test_every_verb_of_tensorflow_serving_is_there() -> None:
    said = {
        routes.route(method.upper(), filled(path)).verb for path, method, _ in in_room("/v1/models")
    }
    assert said == {"predict", "classify", "regress", "metadata", "status"}


def test_paths_of_kserve_are_those_of_its_table() -> None:
    table = [(pattern, method) for pattern, method, _ in kserve.PATHS if method]
    asked = set()
    for path, method, _ in in_room("/v2"):
        first = next(entry for entry in table if entry[0].fullmatch(filled(path)))
        assert first[1] == method.upper(), path
        asked.add(first)
    assert asked == set(table), [pattern.pattern for pattern, _ in set(table) - asked]


def test_paths_of_speakers_are_those_of_their_table() -> None:
    asked = set()
    for path, method, _ in in_room("/v1/speakers"):
        assert speakers.ROOM.match(filled(path))
        (entry,) = (entry for entry in speakers.PATHS if entry[0].fullmatch(filled(path)))
        assert entry[1] == method.upper(), path
        asked.add(entry)
    assert asked == set(speakers.PATHS)


def test_the_other_paths_are_those_of_the_server_and_its_page() -> None:
    others = {path for path, _, _ in operations() if not path.startswith(("/v1", "/v2"))}
    known = {*app.PROBES, "/metrics", "/openapi.json", "/", pages.MODELS}
    assert others - known == {
        f"{pages.GRAPHS}{{name}}/{{version}}/stream.{ending}" for ending in ("json", "onnx")
    }
    assert known <= others


def in_room(prefix: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    return (one for one in operations() if one[0].startswith(prefix))
