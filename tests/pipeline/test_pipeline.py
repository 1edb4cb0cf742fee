"""A plan is worked once: what has not changed is skipped, what was killed goes on, what failed is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import fake_stages
from fake_stages import calls
from sonant import ledger, pipeline
from sonant.errors import AudioError, Interrupted, ManifestError, RecipeError
from sonant.pipeline import Plan
from sonant.pipeline.work import Work

Planned = Callable[..., Plan]


def test_every_stage_is_done_once_and_a_second_run_skips_all(
    planned: Planned, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = pipeline.run(planned(), out=out)
    assert first.ran == ("seed", "left", "right", "end") == tuple(calls(out))
    assert (out / "end" / "whole.txt").read_text() == "alarz"
    assert first.figures["end"]["length"] == 5
    second = pipeline.run(planned(), out=out)
    assert (second.ran, second.skipped) == ((), first.ran)
    assert len(calls(out)) == 4
    assert second.figures == first.figures


def test_a_changed_setting_does_its_stage_again_and_what_is_behind_it(
    planned: Planned, tmp_path: Path
) -> None:
    pipeline.run(planned(), out=tmp_path)
    done = pipeline.run(planned(left={"word": "L"}), out=tmp_path)
    assert (done.ran, done.skipped) == (("left", "end"), ("seed", "right"))
    assert (tmp_path / "end" / "whole.txt").read_text() == "aLarz"


def test_what_is_behind_a_stage_that_gives_the_same_again_is_skipped(
    planned: Planned, tmp_path: Path
) -> None:
    pipeline.run(planned(left={"same": True}), out=tmp_path)
    done = pipeline.run(planned(left={"same": True, "word": "L"}), out=tmp_path)
    assert done.ran == ("left",)


def test_a_stage_of_which_something_is_gone_or_changed_is_done_again(
    planned: Planned, tmp_path: Path
) -> None:
    pipeline.run(planned(), out=tmp_path)
    (tmp_path / "right" / "whole.txt").write_text("tampered with")
    assert pipeline.run(planned(), out=tmp_path).ran == ("right",)
    (tmp_path / "left" / "whole.txt").unlink()
    assert pipeline.run(planned(), out=tmp_path).ran == ("left",)


def test_the_round_of_a_stage_is_for_the_report_alone(planned: Planned, tmp_path: Path) -> None:
    pipeline.run(planned(), out=tmp_path)
    assert pipeline.run(planned(left={"round": 2}), out=tmp_path).ran == ()


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    program = [sys.executable, fake_stages.__file__, str(tmp_path)]
    killed = subprocess.run(program, env=os.environ | {"KILL": "r"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert calls(tmp_path) == ["seed", "left", "right"]
    subprocess.run(program, env=os.environ | {"KILL": "r"}, check=True)
    assert calls(tmp_path) == ["seed", "left", "right", "right", "end"]
    told = json.loads((tmp_path / "summary.json").read_text())
    assert (told["ran"], told["skipped"]) == (["right", "end"], ["seed", "left"])
    assert told["figures"]["right"]["began"] == 1, "it finds what the killed try left"


def test_what_a_try_with_other_settings_left_is_not_gone_on_with(
    planned: Planned, tmp_path: Path
) -> None:
    with pytest.raises(AudioError):
        pipeline.run(planned(left={"word": "fail"}), out=tmp_path)
    assert (tmp_path / "left" / "half.txt").exists()
    done = pipeline.run(planned(), out=tmp_path)
    assert done.figures["left"]["began"] == 0


def test_a_failure_names_its_stage_and_what_is_done_stays(planned: Planned, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"stage right: clip\.wav: is broken"):
        pipeline.run(planned(right={"word": "fail"}), out=tmp_path)
    assert calls(tmp_path) == ["seed", "left", "right"]
    report = (tmp_path / "report.html").read_text()
    assert 'data-state="not run"' in report
    assert pipeline.run(planned(), out=tmp_path).skipped == ("seed", "left")


def test_ctrl_c_says_where_it_was_and_that_the_same_command_goes_on(
    planned: Planned, tmp_path: Path
) -> None:
    with pytest.raises(
        Interrupted, match=r"stopped in the stage left; .* the same command goes on in it"
    ):
        pipeline.run(planned(left={"word": "stop"}), out=tmp_path)


def test_one_stage_alone_takes_what_stands(planned: Planned, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"end: takes what left makes, .*--only left"):
        pipeline.run(planned(), out=tmp_path, only="end")
    assert pipeline.run(planned(), out=tmp_path, only="seed").missing == ("left", "right", "end")
    pipeline.run(planned(), out=tmp_path)
    done = pipeline.run(planned(), out=tmp_path, only="left")
    assert (done.ran, done.skipped) == (("left",), ("seed", "right", "end"))


def test_from_does_a_stage_again_and_goes_on(planned: Planned, tmp_path: Path) -> None:
    pipeline.run(planned(), out=tmp_path, only="seed")
    done = pipeline.run(planned(), out=tmp_path, anew="seed")
    assert done.ran == ("seed", "left", "right", "end")
    assert done.figures["seed"]["began"] == 0
    with pytest.raises(RecipeError, match="one of the two"):
        pipeline.run(planned(), out=tmp_path, anew="seed", only="end")


def test_a_folder_of_something_else_is_left_alone(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="holds something else than a pipeline"):
        pipeline.run(planned(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_two_runs_do_not_work_in_one_folder(planned: Planned, tmp_path: Path) -> None:
    pipeline.run(planned(), out=tmp_path)
    with (
        ledger.alone(tmp_path),
        pytest.raises(ManifestError, match="another run is at work in this folder"),
    ):
        pipeline.run(planned(left={"word": "L"}), out=tmp_path)
    assert (tmp_path / "end" / "whole.txt").read_text() == "alarz"


def test_the_outlook_tells_sizes_and_writes_nothing(planned: Planned, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = pipeline.outlook(planned(), out)
    assert {(one.state, one.clips, one.seconds) for one in found} == {("would run", 7, 3600.0)}
    assert not out.exists()
    pipeline.run(planned(), out=out)
    states = [one.state for one in pipeline.outlook(planned(left={"word": "L"}), out)]
    assert states == ["stands", "would run", "stands", "would run"]


def test_a_record_that_is_damaged_is_no_record(planned: Planned, tmp_path: Path) -> None:
    pipeline.run(planned(), out=tmp_path)
    (tmp_path / "seed" / "stage.json").write_text("{")
    assert not Work(planned(), tmp_path).stands("seed")
    assert pipeline.run(planned(), out=tmp_path).ran == ("seed",), "it gives the same again"
