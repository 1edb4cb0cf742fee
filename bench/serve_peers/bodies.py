"""What clients send: one clip in the form of each protocol, and what comes back, read again."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
JSON_LENGTH = "Inference-Header-Content-Length"
FLOAT, STRING = 1, 7
"""TensorFlow's numbers of two types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One request."""

    data: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def _base64(clip: Pcm) -> str:
    return base64.b64encode(clip.astype("<i2").tobytes()).decode()


def _floats(clip: Pcm) -> NDArray[np.float32]:
    return clip.astype(np.float32) / np.float32(32768)


def tf_pcm(clip: Pcm) -> Body:
    """TensorFlow Serving's predict, `pcm` signature."""
    asked = {"signature_name": "pcm", "instances": [{"b64": _base64(clip)}]}
    return Body(data=json.dumps(asked).encode())


def tf_floats(clip: Pcm) -> Body:
    """The same with a list of numbers, as `tolist` gives them."""
    return Body(data=json.dumps({"instances": [_floats(clip).tolist()]}).encode())


def kserve(clip: Pcm) -> Body:
    """KServe v2 with its binary extension."""
    raw = _floats(clip).astype("<f4").tobytes()
    tensor = {
        "name": "samples",
        "shape": [1, len(clip)],
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {"Content-Type": "application/octet-stream", JSON_LENGTH: str(len(head))}
    return Body(data=head + raw, headers=headers)


def plain_json(clip: Pcm) -> Body:
    """What the FastAPI and LitServe servers take."""
    return Body(data=json.dumps({"audio": _base64(clip)}).encode())


def plain_bytes(clip: Pcm) -> Body:
    """PCM and nothing else."""
    raw = clip.astype("<i2").tobytes()
    return Body(data=raw, headers={"Content-Type": "application/octet-stream"})


def grpc_pcm(clip: Pcm, *, model: str) -> Body:
    """`PredictRequest` with the bytes of a clip."""
    raw = clip.astype("<i2").tobytes()
    return _predict(model, "pcm", "pcm", _tensor(STRING, (1,), _field(8, raw)))


def grpc_floats(clip: Pcm, *, model: str) -> Body:
    """`PredictRequest` with float samples, as `make_tensor_proto` sends an array."""
    raw = _floats(clip).astype("<f4").tobytes()
    return _predict(model, "", "samples", _tensor(FLOAT, (1, len(clip)), _field(4, raw)))


def _predict(model: str, signature: str, name: str, tensor: bytes) -> Body:
    spec = _field(1, model.encode()) + (_field(3, signature.encode()) if signature else b"")
    entry = _field(1, name.encode()) + _field(2, tensor)
    return Body(data=_field(1, spec) + _field(2, entry), headers={})


def _tensor(dtype: int, shape: tuple[int, ...], values: bytes) -> bytes:
    dims = b"".join(_field(2, b"\x08" + _varint(size)) for size in shape)
    return b"\x08" + _varint(dtype) + _field(2, dims) + values


def _field(number: int, value: bytes) -> bytes:
    """A field of protobuf's wire format that has a length."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def write(folder: Path, clips: Pcm, form: Callable[[Pcm], Body]) -> int:
    """Bodies and headers as load.lua and grpc_load.py read them; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(clips):
        body = form(clip)
        lines = "".join(f"{name}={value}\n" for name, value in body.headers.items())
        (folder / f"{number}.body").write_bytes(body.data)
        (folder / f"{number}.headers").write_text(lines, encoding="ascii")
    return len(clips)


def post(port: int, path: str, body: Body) -> Any:
    """The reply's JSON to one request; raises `ValueError` where it is refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body.data, dict(body.headers))
        reply = connection.getresponse()
        text = reply.read()
    finally:
        connection.close()
    if reply.status != http.client.OK:
        raise ValueError(f"{path}: {reply.status} {text[:200].decode(errors='replace')}")
    return json.loads(text)


def scores_of(reply: Any) -> list[float]:
    """The scores in the reply of any of the servers."""
    if "predictions" in reply:
        (row,) = reply["predictions"]
        found: list[float] = row["scores"]
    elif "outputs" in reply:
        (found,) = (end["data"] for end in reply["outputs"] if end["name"] == "scores")
    else:
        found = reply["scores"]
    return found
