"""What the server says of itself and its models, in the words of KServe and Triton."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sonant import __version__
from sonant.serving.kserve.choosing import default_signature
from sonant.serving.metrics import Metrics
from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.spec import ModelSpec, State
from sonant.serving.status import Refusal
from sonant.serving.tensors import STRING, DType, TensorSpec

PLATFORM: Final = "onnxruntime_onnx"
EXTENSIONS: Final = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "parameters",
    "statistics",
)
STATES: Final[Mapping[State, str]] = {
    State.UNKNOWN: "UNKNOWN",
    State.START: "LOADING",
    State.LOADING: "LOADING",
    State.AVAILABLE: "READY",
    State.UNLOADING: "UNLOADING",
    State.END: "UNAVAILABLE",
}
"""Ours -> Triton's."""


def server() -> dict[str, Any]:
    """`GET /v2`."""
    return {"name": "sonant", "version": __version__, "extensions": list(EXTENSIONS)}


def model(service: Service, running: Running) -> dict[str, Any]:
    """`GET /v2/models/M`: the default signature, and the names of all."""
    signature = running.servable.signatures[default_signature(running)]
    return {
        "name": running.name,
        "versions": [str(number) for number in sorted(service.catalog.available(running.name))],
        "platform": PLATFORM,
        "inputs": [_tensor(name, spec) for name, spec in signature.inputs.items()],
        "outputs": [_tensor(name, spec) for name, spec in signature.outputs.items()],
    }


def config(running: Running) -> dict[str, Any]:
    """`GET /v2/models/M/config`: Triton's ModelConfig as JSON."""
    servable, batching = running.servable, running.batcher.batching
    called = default_signature(running)
    signature = servable.signatures[called]
    specs = [*signature.inputs.values(), *signature.outputs.values()]
    joined = (
        batching.enabled
        and servable.batches(called)
        and all(spec.shape is not None and spec.shape[:1] == (-1,) for spec in specs)
    )
    parameters = {"signatures": ",".join(servable.signatures), "labels": ",".join(servable.labels)}
    found: dict[str, Any] = {
        "name": running.name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "max_batch_size": batching.max_batch_size if joined else 0,
        "input": [_configured(name, spec, joined) for name, spec in signature.inputs.items()],
        "output": [_configured(name, spec, joined) for name, spec in signature.outputs.items()],
        "instance_group": [{"kind": "KIND_CPU", "count": batching.threads}],
        "parameters": {key: {"string_value": value} for key, value in parameters.items()},
    }
    if joined:
        found["dynamic_batching"] = {
            "preferred_batch_size": list(batching.allowed_sizes),
            "max_queue_delay_microseconds": round(batching.timeout_s * 1e6),
        }
    return found


def statistics(metrics: Metrics, name: str, version: int) -> dict[str, Any]:
    """One entry of `GET /v2/models/M/stats`; what is not measured is 0."""
    work = metrics.work(name, version)
    nothing = _duration(0, 0.0)
    sizes = sorted(work.sizes.items())
    return {
        "name": name,
        "version": str(version),
        "last_inference": round(work.last * 1000),
        "inference_count": work.rows,
        "execution_count": work.runs,
        "inference_stats": {
            "success": _duration(work.requests, work.queue_s + work.run_s),
            "fail": _duration(metrics.failures(name), 0.0),
            "queue": _duration(work.requests, work.queue_s),
            "compute_input": nothing,
            "compute_infer": _duration(work.requests, work.run_s),
            "compute_output": nothing,
            "cache_hit": nothing,
            "cache_miss": nothing,
        },
        "batch_stats": [
            {
                "batch_size": rows,
                "compute_input": nothing,
                "compute_infer": _duration(runs, seconds),
                "compute_output": nothing,
            }
            for rows, (runs, seconds) in sizes
        ],
    }


def index(service: Service, *, only_ready: bool) -> list[dict[str, Any]]:
    """`POST /v2/repository/index`: every version of every model."""
    found: list[dict[str, Any]] = []
    for name in sorted(service.catalog.names()):
        try:
            statuses = service.catalog.statuses(ModelSpec(name=name))
        except Refusal:  # a model whose folder is still empty
            statuses = []
        for status in sorted(statuses, key=lambda status: status.version):
            state = STATES[status.state]
            # Triton says of a model that was let go that it is "unloaded".
            reason = status.message or ("unloaded" if status.state is State.END else "")
            entry = {"name": name, "version": str(status.version), "state": state, "reason": reason}
            found.append(entry)
        if not statuses:
            found.append({"name": name})
    return [entry for entry in found if not only_ready or entry.get("state") == "READY"]


def _tensor(name: str, spec: TensorSpec) -> dict[str, Any]:
    shape = [-1] if spec.shape is None else list(spec.shape)
    return {"name": name, "datatype": spec.dtype.kserve, "shape": shape}


def _configured(name: str, spec: TensorSpec, joined: bool) -> dict[str, Any]:
    dims = [-1] if spec.shape is None else list(spec.shape)[int(joined) :]
    found: dict[str, Any] = {"name": name, "data_type": _config_type(spec.dtype)}
    # Triton's dims are never empty: a row of one value has one axis, which is taken away again.
    return found | ({"dims": dims} if dims else {"dims": [1], "reshape": {"shape": []}})


def _config_type(dtype: DType) -> str:
    return "TYPE_STRING" if dtype is STRING else f"TYPE_{dtype.kserve}"


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
