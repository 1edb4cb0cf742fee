"""What a plan may say, and how it is told what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sonant.errors import RecipeError
from sonant.pipeline import Plan
from sonant.pipeline.plan import shipped

Planned = Callable[..., Plan]


def names(plan: Plan) -> list[str]:
    return [stage.name for stage in plan.stages]


def test_stages_stand_as_in_the_file_but_each_behind_what_it_needs(planned: Planned) -> None:
    assert names(planned()) == ["seed", "left", "right", "end"]
    late = planned(seed={"data": ["first"]}, first={"word": "f"})
    assert names(late) == ["first", "seed", "left", "right", "end"]


def test_what_is_behind_a_stage_is_all_that_needs_it(planned: Planned) -> None:
    assert planned().behind("left") == {"end"}
    assert planned().behind("seed") == {"left", "right", "end"}


@pytest.mark.parametrize(
    ("stage", "change", "said"),
    [
        (
            "left",
            {"data": ["sed"]},
            r"stages\.left\.data: there is no stage 'sed' \(did you mean seed\?\)",
        ),
        ("left", {"wrod": "x"}, r"stages\.left\.wrod: no such setting \(did you mean word\?\)"),
        ("left", {"word": 3}, r"stages\.left\.word: 3 is int, want str"),
        ("left", {"kind": "fak"}, r"stages\.left\.kind: 'fak' is not one of .*did you mean fake"),
        ("left", {"round": -1}, r"stages\.left\.round: -1"),
        ("seed", {"data": ["end"]}, r"stages wait for each other: .*seed -> .*end"),
        ("../up", {"word": "x"}, r"stages\.\.\./up: cannot name a folder"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(
    planned: Planned, stage: str, change: dict[str, object], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        planned(**{stage: change})


def test_a_stage_takes_only_what_is_of_use_to_it(planned: Planned) -> None:
    with pytest.raises(RecipeError, match="bundle: seed gives clips, want verifier"):
        planned(judged={"kind": "calibrate", "bundle": "seed", "data": "seed"})
    with pytest.raises(RecipeError, match=r"data: names no stage; want one that gives clips"):
        planned(tdnn={"kind": "speaker", "recipe": "speaker-tdnn", "data": ""})


def test_a_stage_that_is_asked_for_and_not_there_is_told_with_the_nearest(planned: Planned) -> None:
    with pytest.raises(RecipeError, match=r"no stage 'rihgt' \(did you mean right\?\)"):
        planned()["rihgt"]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_plan_reads_and_has_two_rounds(name: str) -> None:
    plan = Plan.load(name)
    assert plan.name == name
    assert {stage.round for stage in plan.stages} == {0, 1, 2}
    for stage in plan.stages:
        if stage.kind in ("speaker", "vocoder", "converter", "detector"):
            assert stage.row.outside(stage.settings), "its recipe takes the overrides"


def test_data_is_for_the_stages_that_name_none(tmp_path: Path) -> None:
    plan = Plan.load("redteam-small", data=str(tmp_path))
    assert plan["voices"].settings.source == str(tmp_path)
    with pytest.raises(RecipeError, match="every stage has its data already"):
        Plan.load("redteam-embedded", data=str(tmp_path))


def test_a_source_beside_the_plan_is_taken_from_there(tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    file = tmp_path / "own.toml"
    file.write_text('[stages.mine]\nkind = "clips"\nsource = "voices"\n')
    assert Plan.load(file)["mine"].settings.source == str(tmp_path / "voices")


def test_settings_are_changed_by_their_path_and_a_plan_that_is_nowhere_is_named() -> None:
    plan = Plan.load("redteam-embedded", ["stages.pgd.count=5"])
    assert plan["pgd"].settings.count == 5
    with pytest.raises(RecipeError, match=r"did you mean redteam-embedded\?"):
        Plan.load("redteam-embeded")
