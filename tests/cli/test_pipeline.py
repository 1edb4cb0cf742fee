"""`sonant pipeline`: a plan by name or file, what it would do, what it did, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from fake_stages import FAKE
from sonant.cli import pipeline as verb
from sonant.errors import RecipeError
from sonant.pipeline.stages import STAGES

Run = Callable[..., tuple[int, str, str]]
FILE = """
name = "two"
[stages.one]
kind = "fake"
word = "a"
[stages.two]
kind = "fake"
word = "b"
data = ["one"]
"""


@pytest.fixture
def sonant(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the verb by itself; returns exit code, stdout, stderr."""
    monkeypatch.setitem(STAGES, "fake", FAKE)
    app = typer.Typer()
    app.command("pipeline")(verb.pipeline)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            app([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "two.toml"
    file.write_text(FILE)
    return file


def test_a_plan_is_run_and_the_next_command_named(sonant: Run, plan: Path, tmp_path: Path) -> None:
    code, shown, told = sonant(plan, "--out", tmp_path / "out")
    assert code == 0
    assert "length" in shown
    assert "run: one, two" in told
    assert f"next: open {tmp_path / 'out' / 'report.html'}" in told
    _, _, told = sonant(plan, "--out", tmp_path / "out", "--only", "two")
    assert "run: two" in told
    assert "skipped: one" in told


def test_without_a_folder_it_goes_to_one_of_its_name(
    sonant: Run, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sonant(plan)
    assert (tmp_path / "runs" / "two" / "report.html").is_file()


def test_dry_prints_sizes_and_does_nothing(sonant: Run, plan: Path, tmp_path: Path) -> None:
    code, shown, told = sonant(plan, "--out", tmp_path / "out", "--dry", "--json")
    assert code == 0
    first, second = json.loads(shown)["stages"]
    assert (first["name"], first["clips"], first["sound_s"]) == ("one", 7, 3600.0)
    assert (second["needs"], second["state"]) == (["one"], "would run")
    assert "next: the same without --dry" in told
    assert not (tmp_path / "out").exists()


def test_the_outcome_is_one_json_object(sonant: Run, plan: Path, tmp_path: Path) -> None:
    _, shown, _ = sonant(plan, "stages.two.word=cc", "--out", tmp_path / "out", "--json")
    told = json.loads(shown)
    assert told["ran"] == ["one", "two"]
    assert told["figures"]["two"]["length"] == 3


def test_a_stage_that_is_not_there_is_refused(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "fake", FAKE)
    with pytest.raises(RecipeError, match=r"no stage 'tow' \(did you mean two\?\)"):
        verb.pipeline(
            str(plan), overrides=[], out=None, data=None, only="tow", anew="", engine="doit",
            device="cpu", dry=False, json=False,
        )  # fmt: skip
