"""Requests and replies of TensorFlow Serving's REST, without a server around them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import fakes
from sonant.errors import BundleError
from sonant.serving.catalog import Catalog
from sonant.serving.http import Reply, Request
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.rest import answer
from sonant.serving.rest.answers import LARGE
from sonant.serving.service import Service
from sonant.serving.streams.hub import Hubs
from sonant.serving.tensors import Tensors

PREDICT = "/v1/models/half_plus_two:predict"


class Faulty(fakes.HalfPlus):
    def outputs(self, signature: str, inputs: Tensors) -> Tensors:
        if inputs["x"].flat[0] > 0:
            raise ZeroDivisionError("secret")
        raise BundleError("the graph is damaged")


def ask(
    method: str,
    target: str,
    body: bytes | str = b"",
    *,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Reply:
    """One request to a service with the table's models and one that fails."""

    async def asked() -> Reply:
        with ThreadPoolExecutor(1) as executor:
            flags = Options(**options)
            catalog = Catalog(options=flags, load=_no_loader, executor=executor)
            fakes.fill(catalog)
            catalog.add("faulty", 1, Faulty())
            metrics = Metrics()
            service = Service(
                options=flags, catalog=catalog, metrics=metrics, hubs=Hubs(executor, metrics)
            )
            data = body.encode() if isinstance(body, str) else body
            request = Request(
                method=method, target=target, headers=headers or {}, body=data, id="r1"
            )
            reply = await answer(service, request)
            await catalog.stop()
            return reply

    return asyncio.run(asked())


def _no_loader(_: object) -> Any:
    raise AssertionError("nothing is loaded here")


def error(reply: Reply) -> str:
    found: str = json.loads(reply.body)["error"]
    return found


def test_a_prediction_by_rows_and_by_columns() -> None:
    rows = ask("POST", PREDICT, '{"instances":[1.0,2.0]}')
    assert (rows.status, rows.body) == (200, b'{"predictions":[2.5,3.0]}')
    assert (rows.content_type, rows.model) == ("application/json", "half_plus_two")
    assert ask("POST", PREDICT, '{"inputs":1.0}').body == b'{"outputs":2.5}'


@pytest.mark.parametrize("last", ["1.0", "NaN"])
def test_a_large_body_is_answered_the_same(last: str) -> None:
    numbers = "1.0," * (LARGE // 4)
    reply = ask("POST", PREDICT, f'{{"inputs":[{numbers}{last}]}}', max_batch_size=10**7)
    assert reply.body.startswith(b'{"outputs":[2.5,2.5,')
    assert reply.body.endswith(b",NaN]}" if last == "NaN" else b",2.5]}")
    assert "Invalid value" in error(ask("POST", PREDICT, f'{{"inputs":[{numbers}]}}'))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("[", 400, "JSON Parse error: Invalid value. at offset: 1"),
        ('{"signature_name":1}', 400, "'signature_name' key must be a string value."),
        ("{}", 404, "Servable not found for request: Latest(foo)"),
    ],
)
def test_what_is_wrong_is_looked_for_in_upstreams_order(body: str, status: int, words: str) -> None:
    reply = ask("POST", "/v1/models/foo:predict", body)
    assert (reply.status, words in error(reply)) == (status, True)


def test_a_body_of_examples_is_read_before_the_model_is_looked_for() -> None:
    reply = ask("POST", "/v1/models/foo:classify", '{"examples":[1]}')
    assert (reply.status, error(reply)) == (400, "Example must be JSON object but got JSON Number")


@pytest.mark.parametrize(
    ("verb", "signature", "status"),
    [("classify", fakes.CLASSIFY, 200), ("classify", fakes.REGRESS, 400), ("regress", fakes.REGRESS, 200),
     ("regress", "", 400), ("classify", "none", 400)],
)  # fmt: skip
def test_a_signature_is_asked_by_its_own_method(verb: str, signature: str, status: int) -> None:
    body = {"signature_name": signature, "examples": [{"x": 1.5}]}
    reply = ask("POST", f"/v1/models/half_plus_two:{verb}", json.dumps(body))
    assert reply.status == status, reply.body


def test_a_fault_of_the_model_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        reply = ask("POST", "/v1/models/faulty:predict", '{"instances":[1.0]}')
    assert (reply.status, error(reply)) == (500, "internal error; request id r1")
    assert "ZeroDivisionError: secret" in caplog.text


def test_an_error_of_ours_is_the_clients_to_read() -> None:
    reply = ask("POST", "/v1/models/faulty:predict", '{"instances":[-1.0]}')
    assert (reply.status, error(reply)) == (400, "the graph is damaged")


def test_a_message_that_quotes_what_is_no_text_is_still_json() -> None:
    reply = ask("POST", PREDICT, b'{"instances":["\xff"]}')
    assert reply.status == 400
    assert 'JSON Value: "\ufffd" Type: String' in error(reply)


@pytest.mark.parametrize("nan", [True, False])
def test_nan_is_a_word_or_null(nan: bool) -> None:
    reply = ask("POST", "/v1/models/id_float:predict", '{"instances":[NaN]}', json_nan=nan)
    assert reply.body == (b'{"predictions":[NaN]}' if nan else b'{"predictions":[null]}')


def test_depth_is_bounded_by_the_flag() -> None:
    body = '{"instances":[[[[1.0]]]]}'
    assert ask("POST", PREDICT, body, max_json_depth=5).status == 200
    reply = ask("POST", PREDICT, body, max_json_depth=4)
    assert (reply.status, "Nested deeper than 4 levels" in error(reply)) == (400, True)


def test_the_status_of_a_label_is_that_of_its_version_unless_strict() -> None:
    for strict, versions in ((False, ["1"]), (True, ["2", "1"])):
        reply = ask("GET", "/v1/models/multi/labels/stable", strict_compat=strict)
        listed = json.loads(reply.body)["model_version_status"]
        assert [one["version"] for one in listed] == versions


def test_metadata_tells_every_signature() -> None:
    found = json.loads(ask("GET", "/v1/models/half_plus_two/metadata").body)
    assert found["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "123"}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert signatures[fakes.CLASSIFY]["method_name"] == "tensorflow/serving/classify"
    free = json.loads(ask("GET", "/v1/models/fanout/metadata").body)
    shape = free["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]
    assert shape["tensor_shape"] == {"dim": [], "unknown_rank": True}


@pytest.mark.parametrize(
    ("origin", "status"), [("https://a.example", 200), ("null", 403), ("", 403)]
)
def test_a_page_may_ask_before_it_asks(origin: str, status: int) -> None:
    reply = ask("OPTIONS", PREDICT, headers={"origin": origin} if origin else {})
    assert (reply.status, reply.body) == (status, b"")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.builds(lambda text: {"b64": text}, st.text("aGV=- ", max_size=8)),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["x", "a", "b", "b64", "é"]), inner, max_size=3),
    max_leaves=15,
)  # fmt: skip
NAMES = st.sampled_from(["instances", "inputs", "examples", "context", "signature_name"])
TREES = st.dictionaries(NAMES, VALUES, max_size=3).map(lambda tree: json.dumps(tree).encode())
TARGETS = st.tuples(
    st.sampled_from(
        ["half_plus_two", "two_in", "id_bool", "id_bytes", "id_int8", "id_half", "fanout"]
    ),
    st.sampled_from(["predict", "classify", "regress"]),
)


@settings(max_examples=150, deadline=None)
@given(TARGETS, TREES | st.binary(max_size=60), st.booleans())
def test_no_body_is_a_fault_of_the_server(
    target: tuple[str, str], body: bytes, strict: bool
) -> None:
    name, verb = target
    reply = ask("POST", f"/v1/models/{name}:{verb}", body, strict_compat=strict)
    assert reply.status in (200, 400, 501), reply.body
    found = json.loads(reply.body)
    assert reply.status == 200 or isinstance(found["error"], str)
