"""Who is it, over HTTP: enrol, verify, identify, list and forget, at `/v1/speakers`.

A clip goes through the queue of its model like any other request; the store is asked on threads of its own,
since it may wait for other processes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote

import numpy as np
import orjson

from sonant.countermeasures.answer import Answer
from sonant.countermeasures.guards import Finding
from sonant.errors import StoreError
from sonant.serving.clips import WAV
from sonant.serving.enrolled import speaker_models, stored
from sonant.serving.http import Reply, Request, refused
from sonant.serving.kserve.payload import parsed
from sonant.serving.rest.values import bytes_of, is_base64
from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.speaker_bundles import CLAIM, CLAIMED, EMBED, SpeakerServable, heard_in
from sonant.serving.speaker_guards import findings_in
from sonant.serving.spec import ModelSpec
from sonant.serving.status import Code, Refusal, invalid, not_found
from sonant.serving.tensors import Tensors, text
from sonant.speakers import enrolment
from sonant.speakers.model import TOP, SpeakerModel
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import Heard

ROOM: Final = re.compile(r"/v1/speakers(?:[:/].*)?$", re.DOTALL)
"""Every path that is answered here."""
MOST_CLIPS: Final = 100
MOST_CANDIDATES: Final = 100
METHOD_NOT_ALLOWED: Final = 405
NO_STORE: Final = (
    "this server knows no speakers; start it with --speaker_store and a file, "
    "or a postgresql:// URL"
)

Path: TypeAlias = re.Match[str]
Asked: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[[Service, SpeakerStore, Request, Path], Awaitable[Reply]]


async def answer(service: Service, request: Request) -> Reply:
    """Answer any request that `ROOM` matches; every refusal is a reply, a fault of the model is raised."""
    try:
        if service.store is None:
            raise Refusal(Code.UNIMPLEMENTED, NO_STORE)
        for pattern, method, handler in PATHS:
            if path := pattern.fullmatch(request.path):
                if request.method != method:
                    return _not_allowed(request, method)
                async with asyncio.timeout_at(request.deadline):
                    return await handler(service, service.store, request, path)
        raise not_found(f"there is no {request.path[:200]} here")
    except Refusal as refusal:
        return refused(refusal)
    except TimeoutError:
        return refused(Refusal(Code.DEADLINE_EXCEEDED, "the deadline passed while it was answered"))


async def _list(service: Service, store: SpeakerStore, request: Request, path: Path) -> Reply:
    model, speakers = await stored(lambda: (store.model_digest, store.speakers()))
    return _json({"model_digest": model, "speakers": [asdict(one) for one in speakers]})


async def _forget(service: Service, store: SpeakerStore, request: Request, path: Path) -> Reply:
    name = _clean(unquote(path["name"]))

    def forget() -> int | None:
        return store.forget(name) if name in store.names() else None

    count = await stored(forget)
    if count is None:
        raise not_found(f"nobody is enrolled as '{name}'")
    return _json({"name": name, "forgotten": count})


async def _enroll(service: Service, store: SpeakerStore, request: Request, path: Path) -> Reply:
    asked = await asyncio.to_thread(_asked, request.body, "name", "clips")
    if not isinstance(asked.get("name"), str):
        raise invalid("'name' is missing, or no string")
    name, given = _clean(asked["name"]), asked.get("clips")
    if not isinstance(given, list) or not 0 < len(given) <= MOST_CLIPS:
        raise invalid(f"'clips' is no list of 1 to {MOST_CLIPS} clips")
    clips = {f"clips[{number}]": clip for number, clip in enumerate(given)}
    with _held(service, asked) as (running, model):
        heard = await _heard(running, clips, request)
        for called, one in zip(clips, heard, strict=True):
            if objection := model.objection(one):
                raise invalid(f"{called}: {objection}; '{name}' is not enrolled")
        vectors = np.stack([one.embedding.vector for one in heard])
        await _same_model(store, model)
        speaker = await stored(lambda: store.enroll(name, vectors, model_digest=model.digest))
        return _json(asdict(speaker), model=running.name, rows=len(clips))


async def _verify(service: Service, store: SpeakerStore, request: Request, path: Path) -> Reply:
    asked = await asyncio.to_thread(_asked, request.body, "left", "right")
    with _held(service, asked) as (running, model):
        clips = {name: asked.get(name) for name in ("left", "right")}
        left, right, findings = await _compared(running, clips, request)
        found = Answer.of(model.verify(left, right), findings, objection=model.objection(right))
        return _json(found.to_json(), model=running.name, rows=2)


async def _identify(service: Service, store: SpeakerStore, request: Request, path: Path) -> Reply:
    asked = await asyncio.to_thread(_asked, request.body, "clip", "top")
    top = asked.get("top", TOP)
    if type(top) is not int or not 0 < top <= MOST_CANDIDATES:
        raise invalid(f"'top' is no whole number from 1 to {MOST_CANDIDATES}")
    with _held(service, asked) as (running, model):
        heard, findings = await _claimed(running, "clip", asked.get("clip"), request)
        await _same_model(store, model)
        who = await stored(lambda: model.who(store, heard, top=top))
        found = Answer.of(who, findings, objection=model.objection(heard))
        return _json(found.to_json(), model=running.name)


@contextmanager
def _held(service: Service, asked: Asked) -> Iterator[tuple[Running, SpeakerModel]]:
    """The model that is meant, loaded for as long as it is held: the only one where none is named."""
    with ExitStack() as stack:
        name = asked.get("model")
        if name is None:
            running = _only(service, stack)
        elif isinstance(name, str):
            running = stack.enter_context(service.catalog.held(ModelSpec(name=name)))
        else:
            raise invalid("'model' is no string")
        if not isinstance(running.servable, SpeakerServable):
            raise invalid(f"{running.name} is no speaker model")
        yield running, running.servable.model


def _only(service: Service, stack: ExitStack) -> Running:
    found = speaker_models(service.catalog, stack)
    if not found:
        raise not_found("no speaker model is loaded; serve a bundle of the task speakers")
    if len(found) > 1:
        names = ", ".join(running.name for running in found)
        raise invalid(f"several speaker models are loaded ({names}): say which one as 'model'")
    return found[0]


async def _compared(
    running: Running, clips: Mapping[str, Any], request: Request
) -> tuple[Heard, Heard, Sequence[Finding]]:
    """Two clips; the second is heard by the detectors as well, where there are some."""
    (left, trusted), (right, clip) = clips.items()
    if CLAIM not in running.servable.signatures:
        both = await _heard(running, clips, request)
        return both[0], both[1], ()
    _check({left: trusted, right: clip})
    (one,) = await _heard(running, {left: trusted}, request)
    other, findings = await _claimed(running, right, clip, request)
    return one, other, findings


async def _claimed(
    running: Running, called: str, clip: Any, request: Request
) -> tuple[Heard, Sequence[Finding]]:
    """A clip under test: its embedding, and what detectors say of it."""
    servable = running.servable
    if CLAIM not in servable.signatures or not isinstance(servable, SpeakerServable):
        (heard,) = await _heard(running, {called: clip}, request)
        return heard, ()
    outputs = await _outputs(running, {called: clip}, request, signature=CLAIM, of=CLAIMED)
    return heard_in(outputs)[0], findings_in(outputs, servable.guards)


async def _heard(running: Running, clips: Mapping[str, Any], request: Request) -> Sequence[Heard]:
    """Clips by what the request calls them -> their embeddings; a refusal names the clip."""
    return heard_in(await _outputs(running, clips, request, signature=EMBED, of=WAV))


async def _outputs(
    running: Running,
    clips: Mapping[str, Any],
    request: Request,
    *,
    signature: str,
    of: str,
) -> Tensors:
    """What a signature answers to clips as its input `of`; a refusal names the clip."""
    _check(clips)
    files = text(await asyncio.to_thread(lambda: [bytes_of(clip) for clip in clips.values()]))
    try:
        return await running.run(signature, {of: files}, deadline=request.deadline)
    except Refusal as refusal:
        for row, called in enumerate(clips):
            if refusal.message.startswith(f"{of}[{row}]"):
                rest = refusal.message.removeprefix(f"{of}[{row}]")
                raise Refusal(refusal.code, called + rest) from refusal
        raise


def _check(clips: Mapping[str, Any]) -> None:
    for called, clip in clips.items():
        if not is_base64(clip):
            raise invalid(f"'{called}' is missing, or no " + '{"b64": ...} of a sound file')


async def _same_model(store: SpeakerStore, model: SpeakerModel) -> None:
    """Refuse what would compare embeddings of two models."""
    there = await stored(lambda: store.model_digest)
    if there not in (None, model.digest):
        raise Refusal(
            Code.FAILED_PRECONDITION,
            f"the speakers were enrolled with the model {there:.12}, not with {model.digest:.12}, and the "
            f"two cannot be compared; ask the model they were enrolled with, or enrol them anew",
        )


def _asked(body: bytes, *keys: str) -> Asked:
    tree = parsed(body)
    if not isinstance(tree, dict):
        raise invalid("the request is no JSON object")
    known = ("model", *keys)
    if strange := sorted(tree.keys() - set(known)):
        raise invalid(f"'{strange[0]:.50}' is none of {', '.join(known)}")
    return cast(Asked, tree)


def _clean(name: str) -> str:
    """A name as the store keeps it."""
    try:
        return enrolment.clean(name)
    except StoreError as error:
        raise invalid(f"'name': {error}") from error


def _json(tree: Any, *, model: str = "", rows: int = 1) -> Reply:
    return Reply(body=orjson.dumps(tree), model=model, rows=rows)


def _not_allowed(request: Request, method: str) -> Reply:
    body = orjson.dumps({"error": f"{request.method} is not for this path, {method} is"})
    return Reply(status=METHOD_NOT_ALLOWED, body=body, headers={"allow": method})


PATHS: Final[tuple[tuple[re.Pattern[str], str, Handler], ...]] = (
    (re.compile("/v1/speakers/?"), "GET", _list),
    (re.compile("/v1/speakers:enroll"), "POST", _enroll),
    (re.compile("/v1/speakers:verify"), "POST", _verify),
    (re.compile("/v1/speakers:identify"), "POST", _identify),
    (re.compile("/v1/speakers/(?P<name>[^/]+)"), "DELETE", _forget),
)
