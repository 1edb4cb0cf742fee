"""Requests made up from the OpenAPI document, right and wrong: never a 500, never a hang, memory flat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bundles import write_bundle
from serving.live import Live, live
from sonant.serving.openapi import document
from voice_bundle import write_voices

EXAMPLES = 4
"""Of each operation, kind and path: some hundreds of requests in all."""
HANG_S = 10.0
GROWTH_BYTES = 48 * 2**20
"""Caches and arenas fill up in the first requests; a leak goes on."""
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    verbosity=Verbosity.quiet,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.filterwarnings(
    # The server runs on threads of this process, and what it draws at random is not the strategy's.
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

KNOWN: dict[str, Any] = {"name": "tones", "version": 1, "label": "stable"}
TO_UNLOAD = "spare"
"""Loaded and unloaded, which would spoil the other requests to it."""
CONFIG = """
model_config_list {
  config { name: 'tones' base_path: 'tones' version_labels { key: 'stable' value: 1 } }
  config { name: 'spare' base_path: 'spare' }
  config { name: 'voices' base_path: 'voices' }
}
"""

API = schemathesis.openapi.from_dict(document())
OPERATIONS: dict[str, APIOperation] = {
    operation.ok().label: operation.ok() for operation in API.get_all_operations()
}


def kinds() -> Iterator[tuple[str, GenerationMode, bool]]:
    """(operation, right or wrong, whether of a model that is there), where there is a choice."""
    for label in OPERATIONS:
        named, posted = "{" in label, label.startswith("POST")
        yield label, GenerationMode.POSITIVE, False
        if named:
            yield label, GenerationMode.POSITIVE, True
        # No text is a wrong name, so a path with nothing but names can only be right.
        if posted or "{version}" in label:
            yield label, GenerationMode.NEGATIVE, named and posted


WORDS = st.sampled_from(
    ["instances", "inputs", "examples", "signature_name", "b64", "x", "samples"]
)
JSON_OF_ALL_SORTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)
"""NaN, Infinity and integers of any size included."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("fuzz")
    write_bundle(folder)
    write_bundle(folder, name=TO_UNLOAD)
    write_voices(folder)
    config = folder / "models.config"
    config.write_text(CONFIG)
    store = folder / "speakers.db"
    with live(folder, model_config_file=config, speaker_store=store) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


@pytest.mark.parametrize(("label", "mode", "known"), tuple(kinds()))
def test_replies_are_as_the_document_says(
    server: Live, session: requests.Session, label: str, mode: GenerationMode, known: bool
) -> None:
    operation = OPERATIONS[label]
    there = KNOWN | ({"name": TO_UNLOAD} if "/repository/" in label else {})
    path = {name: value for name, value in there.items() if f"{{{name}}}" in label}
    cases = operation.as_strategy(mode, **({"path_parameters": path} if known else {}))

    @BOUNDED
    @given(case=cases)
    def ask(case: Case) -> None:
        response = case.call(base_url=server.url, session=session, timeout=HANG_S)
        assert response.status_code != 500, case.as_curl_command()
        case.validate_response(
            response,
            checks=[
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    ask()
    assert server.process.poll() is None


@pytest.mark.parametrize(
    "path", ["/v1/models/tones:predict", "/v1/models/tones:classify", "/v2/models/tones/infer"]
)
def test_json_of_all_sorts_is_refused_as_a_bad_argument(
    server: Live, session: requests.Session, path: str
) -> None:
    @settings(BOUNDED, max_examples=60)
    @given(value=JSON_OF_ALL_SORTS, cut=st.integers(0, 40))
    def ask(value: object, cut: int) -> None:
        text = json.dumps(value)
        # Half of them end too early.
        body = text[: len(text) - cut] if cut < 20 else text
        reply = session.post(f"{server.url}{path}", data=body.encode(), timeout=HANG_S)
        assert reply.status_code in (200, 400, 404, 501), (reply.status_code, body)
        assert reply.status_code == 200 or "error" in reply.json()

    ask()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"instances": [' + b"9" * 200_000 + b"]}",
        b'{"instances": [{"b64": "' + b"A" * 300_000 + b'"}], "signature_name": "wav"}',
        b"\xff\xfe\x00",
        b'{"instances": ["\\ud800"], "signature_name": "pcm"}',
    ],
    ids=["open", "deep", "digits", "not-a-file", "not-utf8", "half-a-surrogate"],
)
@pytest.mark.parametrize("path", ["/v1/models/tones:predict", "/v2/models/tones/infer"])
def test_bodies_made_to_hurt_are_refused(
    server: Live, session: requests.Session, path: str, body: bytes
) -> None:
    reply = session.post(f"{server.url}{path}", data=body, timeout=HANG_S)
    assert reply.status_code == 400, reply.text[:200]


def test_memory_stays_flat(server: Live, session: requests.Session) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("the system does not tell how much memory a process holds")

    def hurt() -> None:
        for number in range(5):
            name = f"no-such-model-{number}-{'x' * 1000}"
            session.get(f"{server.url}/v1/models/{name}", timeout=HANG_S)
            for path in ("/v1/models/tones:predict", "/v2/models/tones/infer", "/nowhere"):
                session.post(f"{server.url}{path}", data=b"[" * 5_000, timeout=HANG_S)

    hurt()
    before = server.resident_bytes
    for _ in range(8):
        hurt()
    assert server.resident_bytes < before + GROWTH_BYTES
