"""Version labels: `stable`, `canary` and the like, which requests may name in place of a number.

The rules are those of `server_core.cc` of TensorFlow Serving.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sonant.serving.catalog.config import ServerConfig
from sonant.serving.status import Code, Refusal


def checked_labels(
    config: ServerConfig,
    *,
    before: Mapping[str, Mapping[str, int]],
    answering: Callable[[str], Collection[int]],
    allow_new: bool,
) -> dict[str, dict[str, int]]:
    """Model -> label -> version as `config` has them.

    A label may name only a version that answers, one of `answering(model)`. With `allow_new` a label that
    is not in `before` may name any; one that moves never does. Raises `Refusal` (FAILED_PRECONDITION).
    """
    labels: dict[str, dict[str, int]] = {}
    for model in config.models:
        there = before.get(model.name, {})
        for label, version in model.labels.items():
            moves = there.get(label, version) != version
            if version not in answering(model.name) and (moves or not allow_new):
                raise Refusal(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {model.name}, "
                    f"which is not currently available for inference",
                )
            labels.setdefault(model.name, {})[label] = version
    return labels
