"""TensorFlow Serving's gRPC services, with health and reflection; the extra `grpc`."""

from __future__ import annotations

from sonant.errors import MissingExtra

try:
    from sonant.serving.grpc.server import GrpcServer
except ModuleNotFoundError as error:
    missing = (error.name or "").partition(".")[0]
    if missing not in ("grpc", "grpc_health", "grpc_reflection", "google"):
        raise
    raise MissingExtra(
        missing, extra="grpc", purpose="gRPC (or --port 0, to go without)"
    ) from error

__all__ = ["GrpcServer"]
