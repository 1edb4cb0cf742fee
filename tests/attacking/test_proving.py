"""Can an attack be believed? A gradient that leads nowhere stops the run, a model that resists does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from attackable import Attacked
from linear_victim import Linear, clips
from sonant import attacking
from sonant.attacking import proving
from sonant.attacking.cases import Case
from sonant.attacking.problems import Problem
from sonant.attacking.proving import Proof
from sonant.attacks.bounds import Bound
from sonant.attacks.objectives import Objective
from sonant.errors import SonantError
from sonant.manifest import Item


def test_nearly_all_have_to_fall() -> None:
    assert Proof(clips=8, fallen=7, led=None).holds
    withstands = Proof(clips=8, fallen=6, led=8)
    assert not withstands.holds
    assert "withstands the default bound" in str(withstands)


def test_a_gradient_that_leads_nowhere_stops_the_run_before_a_clip_is_written(
    attacked: Attacked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def still(objective: Objective, clean: Tensor, **_: object) -> tuple[Tensor, Tensor]:
        return clean.clone(), objective(clean)

    monkeypatch.setattr(proving, "adam_pgd", still)
    with pytest.raises(SonantError, match=r"no gradient that leads anywhere: PGD makes \d of \d"):
        attacked()
    assert not list((tmp_path / "out").glob("wav/*"))


def test_a_finished_run_remembers_its_proof(attacked: Attacked) -> None:
    first = attacked(asked={"count": 2})
    assert first.proof is not None
    again = attacked(asked={"count": 2})
    assert isinstance(again, attacking.Done)
    assert again.proof == first.proof


def test_clips_that_hold_out_go_on_and_the_others_are_left_alone() -> None:
    """Two of four want more than the first steps: they get what steps are left."""
    clean, rises = clips(), torch.tensor([50.0, 50.0, 0.05, 0.05])
    places = torch.zeros(4, dtype=torch.long)
    cases = tuple(Case(number=n, item=Item(path=Path("a.wav")), answer="a") for n in range(4))
    problem = Problem(victim=Linear(), cases=cases, clean=clean, lengths=None, places=places)
    asked: list[list[int]] = []

    def wish(these: Problem) -> Objective:
        rows = [case.number for case in these.cases]
        asked.append(rows)
        return lambda samples: rises[rows] * (samples - these.clean).mean(dim=(1, 2)) - 0.1

    bound = Bound(epsilon=0.01)
    changed = proving.descent(problem, wish, bound=bound, steps=proving.FIRST + 3)
    assert asked == [[0, 1, 2, 3], [2, 3]]
    assert ((changed - clean).abs() <= 0.01 + 1e-6).all()
    asked.clear()
    proving.descent(problem, wish, bound=bound, steps=proving.FIRST)
    assert asked == [[0, 1, 2, 3]]
