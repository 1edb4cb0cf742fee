"""The answers to requests of TensorFlow Serving's REST: predict, classify, regress, status, metadata."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

import orjson

from sonant.errors import SonantError
from sonant.serving.http import Reply, Request, refused
from sonant.serving.options import Options
from sonant.serving.rest import encoding
from sonant.serving.rest.decoding import Asked, asked
from sonant.serving.rest.examples import Examples, examples_of, tensors_of
from sonant.serving.rest.reading import Document, read_carefully, read_quickly
from sonant.serving.rest.routes import route
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec, VersionStatus
from sonant.serving.status import Code, Refusal, invalid
from sonant.serving.tensors import Method, Signature, TensorSpec

LOG: Final = logging.getLogger("sonant.serving")
WEB_ORIGIN: Final = re.compile(r"https?://")
LARGE: Final = 2**20
"""Bytes of a body that is not read between other requests, but beside them on a thread."""
LONG: Final = 2**18
"""The same where strings and the like are taken one by one."""
LABORIOUS: Final = 2**15
"""The same where every value of the body is."""
_Found = TypeVar("_Found")
Handler: TypeAlias = Callable[[Service, Request, ModelSpec], Awaitable[bytes]]


async def answer(service: Service, request: Request) -> Reply:
    """The reply to a request whose target matches `(?i)/v1/.*`; it raises nothing."""
    if request.method == "OPTIONS":
        return _preflight(request)
    name = ""
    try:
        found = route(request.method, request.target, strict=service.options.strict_compat)
        name = found.spec.name
        body = await HANDLERS[found.verb](service, request, found.spec)
    except Refusal as refusal:
        reply = refused(_readable(refusal))
    except SonantError as error:
        reply = refused(_readable(invalid(str(error))))
    except Exception:  # a fault of the model, or ours: the log has the cause, the client none of it
        LOG.exception("request %s: %s %s failed", request.id, request.method, request.path)
        reply = refused(Refusal(Code.INTERNAL, f"internal error; request id {request.id}"))
    else:
        reply = Reply(body=body)
    return Reply(status=reply.status, body=reply.body, headers=reply.headers, model=name)


def _preflight(request: Request) -> Reply:
    """Before a page of another origin asks; the headers that allow it are the server's affair."""
    from_web = WEB_ORIGIN.match(request.headers.get("origin", ""))
    return Reply(status=200 if from_web else 403, body=b"", content_type="text/plain")


async def _predict(service: Service, request: Request, spec: ModelSpec) -> bytes:
    options = service.options
    document = await _document(request, options)
    name = document.signature_name
    with service.catalog.held(spec) as running:
        signature = running.signature(name)
        found = await _inputs(document, signature, request, options)
        outputs = await running.run(name, found.inputs, deadline=request.deadline)
    encode = encoding.predictions if found.by_rows else encoding.columns
    return encode(outputs, nan=options.json_nan)


async def _classify(
    service: Service, request: Request, spec: ModelSpec, *, method: Method
) -> bytes:
    """Classify or regress: the whole body is read before the model is looked for."""
    options = service.options
    document = await _document(request, options)
    found: Examples = await _beside(request, partial(examples_of, document), largest=LABORIOUS)
    name = found.signature_name
    with service.catalog.held(spec) as running:
        signature = running.signature_for(method, name)
        inputs = tensors_of(found, signature)
        outputs = await running.run(name, inputs, deadline=request.deadline)
    encode = encoding.classification if method is Method.CLASSIFY else encoding.regression
    return encode(outputs, nan=options.json_nan)


async def _status(service: Service, request: Request, spec: ModelSpec) -> bytes:
    versions = service.catalog.statuses(spec)
    return orjson.dumps({"model_version_status": [_version(version) for version in versions]})


async def _metadata(service: Service, request: Request, spec: ModelSpec) -> bytes:
    with service.catalog.held(spec) as running:
        signatures = running.servable.signatures
        version = running.version
    return orjson.dumps(
        {
            "model_spec": {"name": spec.name, "signature_name": "", "version": str(version)},
            # Doubly nested, as upstream: a map in a message in a map.
            "metadata": {
                "signature_def": {
                    "signature_def": {name: _signature(one) for name, one in signatures.items()}
                }
            },
        }
    )


DEEPEST: Final = 1_000_000
"""Levels of JSON under --strict_compat: TensorFlow Serving has no bound at all."""
HANDLERS: Final[Mapping[str, Handler]] = {
    "predict": _predict,
    "classify": partial(_classify, method=Method.CLASSIFY),
    "regress": partial(_classify, method=Method.REGRESS),
    "status": _status,
    "metadata": _metadata,
}


async def _document(request: Request, options: Options) -> Document:
    body = request.body
    deepest = DEEPEST if options.strict_compat else options.max_json_depth
    found: Document | None = await _beside(
        request, partial(read_quickly, body, deepest=deepest), largest=LARGE
    )
    if found is None:
        found = await _beside(
            request, partial(read_carefully, body, deepest=deepest), largest=LABORIOUS
        )
    return found


async def _inputs(
    document: Document, signature: Signature, request: Request, options: Options
) -> Asked:
    work = partial(asked, document, signature.inputs, strict=options.strict_compat)
    return await _beside(request, work, largest=LARGE if document.numeric else LONG)


async def _beside(request: Request, work: Callable[[], _Found], *, largest: int) -> _Found:
    """Do the work at once, or, for a body that is large for it, on a thread, so that others are answered."""
    if len(request.body) < largest:
        return work()
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _version(version: VersionStatus) -> dict[str, Any]:
    return {
        "version": str(version.version),
        "state": version.state.name,
        "status": {"error_code": version.code.name, "error_message": version.message},
    }


def _signature(signature: Signature) -> dict[str, Any]:
    return {
        "inputs": {name: _tensor(spec) for name, spec in signature.inputs.items()},
        "outputs": {name: _tensor(spec) for name, spec in signature.outputs.items()},
        "method_name": signature.method.value,
        "defaults": {},
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {
        "dtype": spec.dtype.name,
        "tensor_shape": {
            "dim": [{"size": str(size), "name": ""} for size in spec.shape or ()],
            "unknown_rank": spec.shape is None,
        },
        "name": spec.name,
    }


def _readable(refusal: Refusal) -> Refusal:
    """The same with a message that is UTF-8: it may quote a body that was not."""
    message = refusal.message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return Refusal(refusal.code, message, retry_after_s=refusal.retry_after_s)
