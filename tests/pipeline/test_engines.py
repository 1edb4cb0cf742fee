"""doit in this process, or Ray beside it; without either it is said what to install."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_stages import calls
from sonant import pipeline
from sonant.errors import AudioError, MissingExtra
from sonant.pipeline import Plan
from sonant.pipeline.engines import EngineName

Planned = Callable[..., Plan]


class FakeRay:
    """As much of Ray as a pipeline uses, in this process: a task is done when it is asked for."""

    def __init__(self) -> None:
        self.up = False
        self.waits: dict[str, list[Any]] = {}

    def is_initialized(self) -> bool:
        return self.up

    def init(self, **settings: object) -> None:
        self.up = True

    def shutdown(self) -> None:
        self.up = False

    def remote(self, function: Callable[..., bool]) -> SimpleNamespace:
        def later(plan: Plan, out: Path, name: str, device: str, *waits: Any) -> Callable[[], bool]:
            self.waits[name] = list(waits)
            done: list[bool] = []

            def value() -> bool:
                if not done:
                    results = [wait() for wait in waits]
                    done.append(function(plan, out, name, device, *results))
                return done[0]

            return value

        return SimpleNamespace(remote=later)

    def get(self, result: Callable[[], bool]) -> bool:
        return result()


@pytest.mark.parametrize(("engine", "library"), [("doit", "doit"), ("ray", "ray")])
def test_a_library_that_is_not_there_is_named_with_its_extra(
    engine: EngineName,
    library: str,
    planned: Planned,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=f"needs {library}, which is not installed"):
        pipeline.run(planned(), out=tmp_path, engine=engine)


def test_ray_does_what_doit_does(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    done = pipeline.run(planned(), out=tmp_path, engine="ray")
    assert done.ran == ("seed", "left", "right", "end")
    assert sorted(calls(tmp_path)) == ["end", "left", "right", "seed"]
    assert {name: len(waits) for name, waits in ray.waits.items()} == {
        "seed": 0, "left": 1, "right": 1, "end": 2,
    }  # fmt: skip
    assert not ray.up, "a cluster that it started it also ends"
    again = pipeline.run(planned(), out=tmp_path, engine="doit")
    assert again.ran == ()


def test_a_failure_on_ray_ends_the_run(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(AudioError, match="stage left"):
        pipeline.run(planned(left={"word": "fail"}), out=tmp_path, engine="ray")
    assert not ray.up


def test_settings_of_doit_in_the_working_folder_have_no_say(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text('[tool.doit]\nreporter = "no such reporter"\n')
    assert len(pipeline.run(planned(), out=tmp_path / "out").ran) == 4
