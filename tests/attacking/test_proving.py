"""Can an attack be believed? A gradient that leads nowhere stops the run, a model that resists does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from attackable import Attacked
from sonant import attacking
from sonant.attacking import proving
from sonant.attacking.proving import Proof
from sonant.errors import SonantError


def test_nearly_all_have_to_fall() -> None:
    assert Proof(clips=8, fallen=7, led=None).holds
    withstands = Proof(clips=8, fallen=6, led=8)
    assert not withstands.holds
    assert "withstands the default bound" in str(withstands)


def test_a_gradient_that_leads_nowhere_stops_the_run_before_a_clip_is_written(
    attacked: Attacked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def still(objective: object, clean: Tensor, **_: object) -> Tensor:
        return torch.as_tensor(clean)

    monkeypatch.setattr(proving, "pgd", still)
    with pytest.raises(SonantError, match=r"no gradient that leads anywhere: PGD makes \d of \d"):
        attacked()
    assert not list((tmp_path / "out").glob("wav/*"))


def test_a_finished_run_remembers_its_proof(attacked: Attacked) -> None:
    first = attacked(asked={"count": 2})
    assert first.proof is not None
    again = attacked(asked={"count": 2})
    assert isinstance(again, attacking.Done)
    assert again.proof == first.proof
