"""`ModelSpec` in requests and replies."""

from __future__ import annotations

from typing import Any

from sonant.serving.running import Running
from sonant.serving.spec import ModelSpec
from sonant.serving.status import invalid


def asked_of(request: Any) -> Any:
    """The `ModelSpec` of a request; raises `Refusal` where it has none."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return request.model_spec


def read_spec(proto: Any) -> ModelSpec:
    """Which model a `ModelSpec` means."""
    choice = proto.WhichOneof("version_choice")
    return ModelSpec(
        name=proto.name,
        version=proto.version.value if choice == "version" else None,
        label=proto.version_label if choice == "version_label" else None,
    )


def write_spec_of(running: Running, proto: Any, *, signature: str = "") -> None:
    """Say in a reply which version answered, and by which signature."""
    proto.name = running.name
    proto.version.value = running.version
    proto.signature_name = signature
