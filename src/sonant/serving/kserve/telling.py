"""The reply to an inference request: JSON, and behind it binary tensors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson

from sonant.serving.http import JSON, Reply
from sonant.serving.kserve.asking import JSON_LENGTH, Asked, Wanted
from sonant.serving.kserve.payload import to_binary, to_json
from sonant.serving.running import Running
from sonant.serving.status import invalid
from sonant.serving.tensors import BY_NUMPY, Signature, Tensor, Tensors, text

BINARY: Final = "application/octet-stream"


def wanted_of(asked: Asked, signature: Signature, *, model: str) -> tuple[Wanted, ...]:
    """The outputs to tell; raises `Refusal` (INVALID_ARGUMENT) for one that there is not."""
    for wanted in asked.outputs:
        if wanted.name not in signature.outputs:
            raise invalid(f"unexpected inference output '{wanted.name}' for model '{model}'")
    every = tuple(Wanted(name=name, binary=asked.binary) for name in signature.outputs)
    return asked.outputs or every


def told(
    outputs: Tensors, wanted: Sequence[Wanted], *, asked: Asked, running: Running, nan: bool
) -> Reply:
    """The whole reply; `nan` writes NaN and Infinity as such in JSON, else they are null."""
    tree: dict[str, Any] = {"model_name": running.name, "model_version": str(running.version)}
    if asked.id is not None:
        tree["id"] = asked.id
    parts: list[dict[str, Any]] = []
    tail: list[bytes] = []
    finite = True
    for one in wanted:
        tensor = outputs[one.name]
        if one.classes:
            tensor = classes(tensor, one.classes, labels=running.servable.labels)
        part = _described(one.name, tensor)
        if one.binary:
            raw = to_binary(tensor)
            part["parameters"] = {"binary_data_size": len(raw)}
            tail.append(raw)
        else:
            part["data"] = to_json(tensor, name=one.name)
            finite &= tensor.dtype.kind != "f" or bool(np.isfinite(tensor).all())
        parts.append(part)
    tree["outputs"] = parts
    head = _dumped(tree, tokens=nan and not finite)
    if not any(one.binary for one in wanted):
        return Reply(body=head, content_type=JSON, model=running.name)
    return Reply(
        body=b"".join((head, *tail)),
        content_type=BINARY,
        headers={JSON_LENGTH: str(len(head))},
        model=running.name,
    )


def classes(tensor: Tensor, count: int, *, labels: Sequence[str]) -> Tensor:
    """Scores [batch, classes] -> the `count` best of each row as "score:index:label".

    Where `labels` are not of these classes, it is "score:index". Raises `Refusal`
    (INVALID_ARGUMENT) for what are no scores.
    """
    if tensor.dtype.kind not in "fiu" or tensor.ndim < 1:
        raise invalid("classification is for numbers with at least one axis")
    batch = len(tensor) if tensor.ndim > 1 else 1
    rows = tensor.reshape(batch, tensor.size // max(batch, 1))
    # A stable sort of the negative: of equals the first is the better one.
    best = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :count]
    known = len(labels) == rows.shape[1]
    named_rows = [
        [_class(row[place], int(place), labels[place] if known else "") for place in places]
        for row, places in zip(rows, best, strict=True)
    ]
    found: Tensor = text(named_rows).reshape(best.shape)
    return found if tensor.ndim > 1 else found[0]


def _dumped(tree: dict[str, Any], *, tokens: bool) -> bytes:
    """JSON; with `tokens`, NaN and Infinity are written as such."""
    if tokens:
        return json.dumps(tree, default=np.ndarray.tolist, separators=(",", ":")).encode()
    return orjson.dumps(tree, option=orjson.OPT_SERIALIZE_NUMPY)


def _class(score: Any, place: int, label: str) -> str:
    number = f"{score:f}" if isinstance(score, np.floating) else str(score)
    return f"{number}:{place}:{label}" if label else f"{number}:{place}"


def _described(name: str, tensor: Tensor) -> dict[str, Any]:
    dtype = BY_NUMPY[tensor.dtype]
    return {"name": name, "datatype": dtype.kserve, "shape": list(tensor.shape)}
