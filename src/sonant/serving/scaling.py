"""How many replicas a Ray cluster runs; the fields are flags of `sonant serve --engine ray`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from sonant.errors import ServeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How many replicas, where, and when there are more of them."""

    ray_address: Annotated[str, "A running Ray cluster; none: one that ends with the server."] = ""
    replicas: Annotated[int, "Replicas on Ray, at least."] = 1
    max_replicas: Annotated[int, "Replicas on Ray, at most; 0: always --replicas."] = 0
    target_ongoing_requests: Annotated[
        float, "Requests at once in a replica that call for another."
    ] = 8.0
    max_ongoing_requests: Annotated[int, "Requests at once that a replica takes."] = 256
    max_queued_requests: Annotated[int, "Requests that may wait for a replica."] = 1024
    cpus_per_replica: Annotated[float, "Cores that Ray keeps for a replica, and it runs on."] = 1.0

    def __post_init__(self) -> None:
        if self.replicas < 1 or 0 < self.max_replicas < self.replicas:
            raise ServeError(
                f"--replicas {self.replicas} and --max_replicas {self.max_replicas}: want 1 or more, "
                f"and --max_replicas 0 or no fewer than --replicas"
            )
        if self.cpus_per_replica <= 0:
            raise ServeError(f"--cpus_per_replica {self.cpus_per_replica:g}: want more than 0")

    def deployment(self, *, grace_s: float) -> Mapping[str, Any]:
        """The same in the words of Ray's deployment."""
        found: dict[str, Any] = {
            "max_ongoing_requests": self.max_ongoing_requests,
            "max_queued_requests": self.max_queued_requests,
            "graceful_shutdown_timeout_s": grace_s,
            "ray_actor_options": {"num_cpus": self.cpus_per_replica},
        }
        if self.max_replicas > self.replicas:
            scale = {
                "min_replicas": self.replicas,
                "max_replicas": self.max_replicas,
                "target_ongoing_requests": self.target_ongoing_requests,
            }
            return found | {"autoscaling_config": scale}
        return found | {"num_replicas": self.replicas}
