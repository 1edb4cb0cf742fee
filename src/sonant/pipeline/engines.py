"""Who calls the stages of a plan in their order: doit in this process, or Ray, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from sonant.errors import MissingExtra, SonantError
from sonant.events import Note, silent
from sonant.pipeline.work import Work

EngineName = Literal["doit", "ray"]
NOTES: Final = ".doit.json"
"""doit's own file. Whether a stage stands is read from its record, so nothing is lost with it."""


def by_doit(work: Work, names: Sequence[str]) -> None:
    """Run stages one after another as tasks of doit; raises what the first that fails raises."""
    doit, commands = _library("doit", extra="pipeline"), import_module("doit.doit_cmd")
    failed: list[Exception] = []
    (work.out / NOTES).unlink(missing_ok=True)
    tasks = {"task_stages": lambda: _tasks(work, names, failed)}
    loader = import_module("doit.cmd_base").ModuleTaskLoader(tasks)
    settings = {"backend": "json", "dep_file": str(work.out / NOTES), "reporter": "zero"}
    # A pyproject.toml of the folder that one happens to stand in has no say here.
    main = commands.DoitMain(loader, config_filenames=(), extra_config={"GLOBAL": settings})
    code = main.run(["run", *(f"stages:{name}" for name in names)])
    if failed:
        raise failed[0]
    if code:
        raise SonantError(f"doit {doit.__version__} ended with {code}, and no stage said why")


def _tasks(work: Work, names: Sequence[str], failed: list[Exception]) -> Iterator[dict[str, Any]]:
    """The plan as doit takes it: what a task waits for, whether it stands, what it does."""
    for name in names:
        needs = [needed for needed in work.plan[name].needs if needed in names]
        yield {
            "name": name,
            "task_dep": [f"stages:{needed}" for needed in needs],
            "uptodate": [_asked(work, name, failed)],
            "actions": [_called(work, name, failed)],
            "io": {"capture": False},
            "verbosity": 2,
        }


def _asked(work: Work, name: str, failed: list[Exception]) -> Callable[[], bool]:
    def stands() -> bool:
        return not failed and work.stands(name)

    return stands


def _called(work: Work, name: str, failed: list[Exception]) -> Callable[[], bool]:
    """doit tells errors as text; they are kept as they are."""

    def run() -> bool:
        try:
            work.run(name)
        except Exception as error:
            failed.append(error)
        return not failed

    return run


def by_ray(work: Work, names: Sequence[str]) -> None:
    """Run stages on a Ray cluster that sees the same folder; those that wait for nobody run side by side.

    Raises what the first that fails raises, `MissingExtra` without Ray.
    """
    ray = _library("ray", extra="ray")
    mine = not ray.is_initialized()
    if mine:
        ray.init(include_dashboard=False, log_to_driver=False)
    try:
        remote = ray.remote(_elsewhere)
        on_their_way: dict[str, Any] = {}
        for name in names:
            waits = [on_their_way[n] for n in work.plan[name].needs if n in on_their_way]
            on_their_way[name] = remote.remote(work.plan, work.out, name, work.device, *waits)
        for name, result in on_their_way.items():
            if ray.get(result):
                work.ran.add(name)
            work.on_event(Note(f"{name}: done"))
    finally:
        if mine:
            ray.shutdown()
    for name in names:
        work.stands(name)


def _elsewhere(plan: Any, out: Path, name: str, device: str, *waited: bool) -> bool:
    """A stage in a worker's process; whether it had to be run. `waited` are those that it waits for."""
    work = Work(plan, out, device=device, on_event=silent)
    work.run(name)
    return name in work.ran


ENGINES: Final[Mapping[EngineName, Callable[[Work, Sequence[str]], None]]] = {
    "doit": by_doit,
    "ray": by_ray,
}


def _library(name: str, *, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingExtra(name, extra=extra, purpose="a pipeline run by it") from None
