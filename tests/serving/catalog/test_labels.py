"""Version labels: they name what answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sonant.serving.catalog import ModelConfig, ServerConfig
from sonant.serving.catalog.labels import checked_labels
from sonant.serving.status import Code, Refusal


def check(
    labels: Mapping[str, int], *, before: Mapping[str, int] | None = None, allow_new: bool = False
) -> dict[str, dict[str, int]]:
    """Labels of model a, of which versions 1 and 2 answer."""
    return checked_labels(
        ServerConfig(models=(ModelConfig(name="a", base_path=Path("/m"), labels=labels),)),
        before={"a": before or {}},
        answering=lambda name: {"a": {1, 2}}[name],
        allow_new=allow_new,
    )


def test_a_label_may_name_what_answers() -> None:
    assert check({"stable": 1, "canary": 2}) == {"a": {"stable": 1, "canary": 2}}
    assert check({}) == {}


def test_a_label_may_not_name_what_does_not() -> None:
    with pytest.raises(Refusal) as caught:
        check({"stable": 9})
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.message == (
        "Request to assign label to version 9 of model a, "
        "which is not currently available for inference"
    )


def test_where_that_is_allowed_a_new_label_may() -> None:
    assert check({"next": 9}, allow_new=True) == {"a": {"next": 9}}
    assert check({"next": 9}, before={"next": 9}, allow_new=True) == {"a": {"next": 9}}


def test_a_label_that_moves_never_may() -> None:
    with pytest.raises(Refusal, match="which is not currently available for inference"):
        check({"stable": 9}, before={"stable": 1}, allow_new=True)
    assert check({"stable": 2}, before={"stable": 1}) == {"a": {"stable": 2}}
