"""How many replicas: contradictions are refused, the rest is told in Ray's words."""

from __future__ import annotations

import pytest

from sonant.errors import ServeError
from sonant.serving.scaling import Scaling


def test_without_a_most_the_number_of_replicas_is_fixed() -> None:
    told = Scaling(replicas=3).deployment(grace_s=7)
    assert told["num_replicas"] == 3
    assert "autoscaling_config" not in told
    assert told["graceful_shutdown_timeout_s"] == 7


def test_with_a_most_the_load_decides() -> None:
    scaling = Scaling(replicas=2, max_replicas=5, target_ongoing_requests=4, cpus_per_replica=0.5)
    told = scaling.deployment(grace_s=1)
    assert "num_replicas" not in told
    assert told["autoscaling_config"] == {
        "min_replicas": 2,
        "max_replicas": 5,
        "target_ongoing_requests": 4,
    }
    assert told["ray_actor_options"] == {"num_cpus": 0.5}


@pytest.mark.parametrize("numbers", [{"replicas": 0}, {"replicas": 3, "max_replicas": 2}])
def test_a_number_of_replicas_that_cannot_be_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ServeError, match=r"--replicas . and --max_replicas .: want 1 or more"):
        Scaling(**numbers)


def test_a_replica_wants_part_of_a_core_at_least() -> None:
    with pytest.raises(ServeError, match="--cpus_per_replica 0: want more"):
        Scaling(cpus_per_replica=0)
