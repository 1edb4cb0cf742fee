"""Vertex AI's custom containers: three variables say where to listen and what to answer.

Its bodies are TensorFlow Serving's (`instances` in, `predictions` out), so a request for its routes is one
for ours under another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from sonant.errors import ServeError
from sonant.serving.http import Request
from sonant.serving.options import Options

PORT: Final = "AIP_HTTP_PORT"
HEALTH: Final = "AIP_HEALTH_ROUTE"
PREDICT: Final = "AIP_PREDICT_ROUTE"
READY: Final = "/v2/health/ready"
HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """What the platform told its container."""

    port: int
    health: str
    """The path that it asks for readiness; "" for none."""
    predict: str
    """The path that it posts predictions to; "" for none."""

    def options(self, options: Options) -> Options:
        """Listen where the platform asks, on HTTP alone.

        It guards its endpoints itself and its containers have no other way in, so no token is asked for.
        """
        return replace(
            options,
            host="0.0.0.0",
            rest_api_port=self.port,
            port=0,
            grpc_socket_path="",
            wyoming_port=0,
            insecure=True,
        )

    def ours(self, request: Request, *, model: str) -> Request:
        """A request for one of its routes as the same one for ours; any other as it is."""
        if request.path == self.predict and self.predict:
            return replace(request, target=f"/v1/models/{quote(model, safe='')}:predict")
        if request.path == self.health and self.health:
            return replace(request, target=READY)
        return request


def vertex_of(environment: Mapping[str, str]) -> Vertex | None:
    """What the environment says; None outside of Vertex AI.

    Raises `ServeError` where a variable is no port or no path.
    """
    if PORT not in environment:
        return None
    port = environment[PORT]
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= HIGHEST_PORT):
        raise ServeError(f"{PORT} is '{port}', want a port between 1 and {HIGHEST_PORT}")
    routes = {name: environment.get(name, "") for name in (HEALTH, PREDICT)}
    for name, route in routes.items():
        if route and not route.startswith("/"):
            raise ServeError(f"{name} is '{route}', want a path that begins with /")
    return Vertex(port=int(port), health=routes[HEALTH], predict=routes[PREDICT])
