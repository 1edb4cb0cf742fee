"""The HTTP surface as an OpenAPI 3.1 document, served at `/openapi.json`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sonant import __version__
from sonant.serving.openapi_schemas import KSERVE, PAGE, RESPONSES, TENSORFLOW, Table
from sonant.serving.openapi_speakers import SPEAKERS

JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"

NAME: Final[Table] = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The model's name, percent-encoded.",
    "schema": {"type": "string", "minLength": 1},
}
VERSION: Final[Table] = {
    "name": "version",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "format": "int64", "minimum": 0},
}
LABEL: Final[Table] = {
    "name": "label",
    "in": "path",
    "required": True,
    "description": "A version label of models.config, such as `stable`.",
    "schema": {"type": "string", "minLength": 1},
}
SPEAKER: Final[Table] = {
    **NAME,
    "description": "Who is enrolled, percent-encoded.",
}
JSON_LENGTH: Final[Table] = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "required": False,
    "description": "Bytes of JSON at the start of the body; raw tensors follow.",
    "schema": {"type": "integer", "minimum": 0},
}

WHICH: Final[tuple[tuple[str, str, Sequence[Table]], ...]] = (
    ("", "", (NAME,)),
    ("/versions/{version}", "Version", (NAME, VERSION)),
    ("/labels/{label}", "Label", (NAME, LABEL)),
)
"""How a path goes on after the model's name, the end of the operation's name, the parameters."""
VERBS: Final = (
    ("predict", "Run a signature.", "PredictRequest", "PredictReply"),
    ("classify", "Run a CLASSIFY signature on examples.", "ExamplesRequest", "ClassifyReply"),
    ("regress", "Run a REGRESS signature on examples.", "ExamplesRequest", "RegressReply"),
)
"""TensorFlow Serving's: the word, a summary, what goes in and what comes out."""
ABOUT: Final = (
    ("ready", "Whether a model answers."),
    ("config", "A model, as Triton's configuration has it."),
    ("stats", "What a model has done so far."),
)
"""What KServe's clients ask of a model: the word and a summary."""
REPOSITORY: Final = (("load", "Load a model that is configured."), ("unload", "Let a model go."))
SPOKEN: Final = (
    ("enroll", "Keep somebody's voice under a name.", "EnrollRequest", "Speaker"),
    ("verify", "Whether two clips are of one speaker.", "VerifyRequest", "Verdict"),
    ("identify", "Who of those enrolled it is.", "IdentifyRequest", "Identification"),
)
"""At `/v1/speakers:`: the word, a summary, what goes in and what comes out."""
NEEDS_BODY: Final = frozenset(
    {
        *("PredictRequest", "ExamplesRequest", "InferRequest"),
        *("EnrollRequest", "VerifyRequest", "IdentifyRequest"),
    }
)

LOOKED_UP: Final = ("400", "401", "404")
"""How a question about a model can be refused."""
RUN: Final = (*LOOKED_UP, "413", "429", "501", "503", "504")
"""How a request with a body can be."""


def document() -> Table:
    """The whole document, a new one each time."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sonant",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Speech models over HTTP: TensorFlow Serving's REST interface, KServe's "
            "version 2, enrolled speakers, health and metrics. Live audio goes over a WebSocket at "
            "/v1/models/{name}/stream, which OpenAPI cannot describe; docs/serving.md does.",
        },
        "tags": [
            {"name": "tensorflow", "description": "TensorFlow Serving's REST interface."},
            {"name": "kserve", "description": "Open Inference Protocol, version 2."},
            {"name": "speakers", "description": "Who is it: with --speaker_store."},
            {"name": "server", "description": "Health, metrics, this document and the page."},
        ],
        "security": [{}, {"token": []}],
        "paths": {**dict(_tensorflow()), **dict(_speakers()), **dict(_kserve()), **_server()},
        "components": {
            "schemas": {**TENSORFLOW, **SPEAKERS, **KSERVE, **PAGE},
            "responses": RESPONSES,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where the server was started with --token_file.",
                }
            },
        },
    }


def _tensorflow() -> Iterator[tuple[str, Table]]:
    for suffix, ending, parameters in WHICH:
        path = f"/v1/models/{{name}}{suffix}"
        status = _get(f"status{ending}", "Which versions there are, newest first.", "StatusReply")
        yield path, _path("tensorflow", parameters, get=status)
        metadata = _get(f"metadata{ending}", "The signatures of a model.", "MetadataReply")
        yield f"{path}/metadata", _path("tensorflow", parameters, get=metadata)
        for verb, summary, request, reply in VERBS:
            post = _post(f"{verb}{ending}", summary, request, reply)
            yield f"{path}:{verb}", _path("tensorflow", parameters, post=post)


def _speakers() -> Iterator[tuple[str, Table]]:
    store = ("401", "501", "503")
    every = _get("speakers", "Who is enrolled.", "Speakers", store)
    yield "/v1/speakers", _path("speakers", get=every)
    forget = _get("forget", "Remove somebody.", "Forgotten", ("400", "404", *store))
    yield "/v1/speakers/{name}", _path("speakers", (SPEAKER,), delete=forget)
    for verb, summary, request, reply in SPOKEN:
        post = _post(verb, summary, request, reply)
        yield f"/v1/speakers:{verb}", _path("speakers", post=post)


def _kserve() -> Iterator[tuple[str, Table]]:
    server = _get("server", "Who answers, and what it can do.", "ServerMetadata", ("401",))
    yield "/v2", _path("kserve", get=server)
    yield (
        "/v2/models",
        _path("kserve", get=_get("models", "The names of all models.", None, ("401",))),
    )
    every = _get("stats", "What all models have done so far.", None, ("401",))
    yield "/v2/models/stats", _path("kserve", get=every)
    for suffix, ending, parameters in WHICH[:2]:
        path = f"/v2/models/{{name}}{suffix}"
        model = _get(f"model{ending}", "Inputs and outputs.", "ModelMetadata", (*LOOKED_UP, "503"))
        yield path, _path("kserve", parameters, get=model)
        for word, summary in ABOUT:
            get = _get(f"model{word.title()}{ending}", summary, None, (*LOOKED_UP, "503"))
            yield f"{path}/{word}", _path("kserve", parameters, get=get)
        infer = _post(f"infer{ending}", "Run a model.", "InferRequest", "InferReply")
        infer["parameters"] = [JSON_LENGTH]
        for content in (infer["requestBody"]["content"], infer["responses"]["200"]["content"]):
            content[BINARY] = {"schema": {"type": "string", "format": "binary"}}
        yield f"{path}/infer", _path("kserve", parameters, post=infer)
    index = _post("repositoryIndex", "Every model and version.", "IndexRequest", "IndexReply")
    yield "/v2/repository/index", _path("kserve", post=index)
    for word, summary in REPOSITORY:
        post = _post(f"repository{word.title()}", summary, "LoadRequest", None)
        yield f"/v2/repository/models/{{name}}/{word}", _path("kserve", (NAME,), post=post)


def _server() -> Table:
    graph = "/page/graphs/{name}/{version}"
    asked = ("401", "404")
    card = _get("pageGraph", "How a step graph is run, and a detection decided.", None, asked)
    file = _read("pageGraphFile", "The step graph, in ONNX.", BINARY, asked)
    return {
        "/v2/health/live": _open(_get("live", "Whether the server answers at all.", None, ())),
        "/v2/health/ready": _open(_get("ready", "Whether every model answers.", None, ())),
        "/healthz": _open(_get("healthz", "As /v2/health/live.", None, ())),
        "/readyz": _open(_get("readyz", "As /v2/health/ready.", None, ())),
        "/metrics": _path(
            "server", get=_read("metrics", "For Prometheus.", "text/plain", ("401",))
        ),
        "/openapi.json": _open(_get("openapi", "This document.", None, ())),
        "/page/models.json": _path(
            "server",
            get=_get("pageModels", "What the page can choose from.", "PageModels", ("401",)),
        ),
        f"{graph}/stream.json": _path("server", (NAME, VERSION), get=card),
        f"{graph}/stream.onnx": _path("server", (NAME, VERSION), get=file),
        "/": _open(_read("page", "A page with a microphone.", "text/html", ())),
    }


def _path(tag: str, parameters: Sequence[Table] = (), **operations: Table) -> Table:
    """One path: its operations by method, and what stands in braces."""
    found: Table = {method: {"tags": [tag], **what} for method, what in operations.items()}
    return {"parameters": list(parameters), **found} if parameters else found


def _open(operation: Table) -> Table:
    """A GET of the server that needs no token."""
    return _path("server", get={**operation, "security": [{}]})


def _get(name: str, summary: str, reply: str | None, refusals: Sequence[str] = LOOKED_UP) -> Table:
    """An operation that answers in JSON, of a schema that has a name or is nobody's business."""
    schema: Any = _schema(reply) if reply else {"type": "object"}
    responses = {"200": {"description": "OK", "content": {JSON: {"schema": schema}}}}
    if "ready" in name.lower():
        responses["503"] = {"description": "No.", "content": {JSON: {"schema": {"type": "object"}}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {**_refusals(refusals), **responses},
    }


def _post(name: str, summary: str, request: str, reply: str | None) -> Table:
    operation = _get(name, summary, reply, RUN)
    if reply is None:
        operation["responses"]["200"] = {"description": "Done."}
    operation["requestBody"] = {
        "required": request in NEEDS_BODY,
        "content": {JSON: {"schema": _schema(request)}},
    }
    return operation


def _read(name: str, summary: str, kind: str, refusals: Sequence[str]) -> Table:
    """An operation that answers with text, or with a file."""
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {kind: {"schema": {"type": "string"}}}},
            **_refusals(refusals),
        },
    }


def _schema(name: str) -> Table:
    return {"$ref": f"#/components/schemas/{name}"}


def _refusals(codes: Sequence[str]) -> Table:
    return {code: {"$ref": f"#/components/responses/{code}"} for code in codes}
