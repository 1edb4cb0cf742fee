"""Plans of fake stages."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from fake_stages import FAKE, PLAN
from sonant.pipeline import Plan
from sonant.pipeline.stages import STAGES

Planned = Callable[..., Plan]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Planned:
    """The diamond of fakes; `left={"word": "x"}` changes a stage, None takes it out."""
    monkeypatch.setitem(STAGES, "fake", FAKE)

    def build(**changes: dict[str, Any] | None) -> Plan:
        tree: dict[str, Any] = deepcopy(PLAN)
        for name, change in changes.items():
            if change is None:
                del tree["stages"][name]
            else:
                tree["stages"].setdefault(name, {"kind": "fake"}).update(change)
        return Plan.from_dict(tree, where="fakes")

    return build
