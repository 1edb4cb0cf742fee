"""Who is asked what by bench/serve.py, and which ratios are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serve_peers import bodies
from serve_peers.bodies import Body

BARE = "bare"
"""The loop without a server."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask one server."""

    name: str
    title: str
    server: str
    path: str
    """Of HTTP, with {model} in it; "" for gRPC."""
    form: Callable[..., Body]


PREDICT = "/v1/models/{model}:predict"
WAYS = (
    Way("pcm", "sonant, REST, PCM in base64", "sonant", PREDICT, bodies.tf_pcm),
    Way("fastapi", "FastAPI, base64, async def", "fastapi", "/predict", bodies.plain_json),
    Way("fastapi-pool", "FastAPI, base64, def", "fastapi", "/predict_in_pool", bodies.plain_json),
    Way("fastapi-raw", "FastAPI, bare PCM", "fastapi", "/predict_raw", bodies.plain_bytes),
    Way("litserve", "LitServe, base64", "litserve", "/predict", bodies.plain_json),
    Way("litserve-batch", "LitServe, base64, batches", "litserve-batch", "/predict", bodies.plain_json),
    Way("kserve", "sonant, KServe, binary FP32", "sonant", "/v2/models/{model}/infer", bodies.kserve),
    Way("grpc", "sonant, gRPC, PCM", "sonant", "", bodies.grpc_pcm),
    Way("grpc-floats", "sonant, gRPC, float samples", "sonant", "", bodies.grpc_floats),
    Way("floats", "sonant, REST, JSON numbers", "sonant", PREDICT, bodies.tf_floats),
)  # fmt: skip
RATIOS = (
    ("requests/s: sonant PCM / FastAPI async def", "rate", "pcm", "fastapi", "at least 2"),
    ("requests/s: sonant PCM / FastAPI def", "rate", "pcm", "fastapi-pool", ""),
    ("requests/s: sonant PCM / FastAPI bare PCM", "rate", "pcm", "fastapi-raw", ""),
    ("requests/s: sonant PCM / LitServe", "rate", "pcm", "litserve", ""),
    ("requests/s: sonant PCM / LitServe, batches", "rate", "pcm", "litserve-batch", ""),
    ("p99: sonant PCM / FastAPI async def", "p99_ms", "pcm", "fastapi", "at most 1"),
    ("clips/s: sonant PCM / bare loop", "rate", "pcm", BARE, "at least 0.7"),
    ("CPU a clip: bare loop / sonant PCM", "busy_ms", BARE, "pcm", ""),
    ("clips/s: sonant KServe / bare loop", "rate", "kserve", BARE, ""),
    ("clips/s: sonant gRPC / bare loop", "rate", "grpc", BARE, ""),
    ("clips/s: FastAPI async def / bare loop", "rate", "fastapi", BARE, ""),
)
"""Title, of what, over, under, goal."""
