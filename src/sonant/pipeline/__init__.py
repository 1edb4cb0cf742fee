"""What `sonant pipeline` does: stages of a plan, each a library call, done once for what they are made from.

settings.py               what can be said of each kind of stage
stages.py                 the table: kind -> settings, call, what it takes, what it gives
recordings.py, training.py, voices.py, copies.py, attacks.py, spoof_corpus.py, tandem.py   the calls
forgeries.py, making.py   what flows between them
plan.py                   a TOML file as stages in order
kept.py, work.py          does a stage still stand, and if not, its work
engines.py                who calls them: doit, or Ray
circle.py, report.py      what it came to, as a page
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sonant import ledger, whole_file
from sonant.errors import Interrupted, RecipeError
from sonant.events import Note, OnEvent, silent
from sonant.pipeline import kept, report
from sonant.pipeline.engines import ENGINES, EngineName
from sonant.pipeline.plan import Plan
from sonant.pipeline.work import Expected, State, Work

__all__ = ["Done", "Plan", "outlook", "run"]

SUMMARY: Final = "summary.json"
MARK: Final = ".sonant-pipeline"
"""Stands in a folder of a pipeline, whose sub-folders may be made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a run came to."""

    plan: Plan
    out: Path
    report: Path
    summary: Path
    ran: tuple[str, ...]
    """Stages that were run, in their order."""
    skipped: tuple[str, ...]
    """Stages that stood as they were."""
    missing: tuple[str, ...]
    """Stages that are not done, since only others were asked for."""
    figures: dict[str, dict[str, float]]
    """Of each stage that is done."""

    def to_json(self) -> dict[str, Any]:
        """What `summary.json` holds and `sonant pipeline --json` prints."""
        return {
            "plan": self.plan.name,
            "out": str(self.out),
            "report": str(self.report),
            "ran": list(self.ran),
            "skipped": list(self.skipped),
            "missing": list(self.missing),
            "rounds": {stage.name: stage.round for stage in self.plan.stages},
            "figures": self.figures,
        }


def outlook(plan: Plan, out: Path) -> tuple[Expected, ...]:
    """What a run would do: the answer to `--dry`; nothing is written."""
    return Work(plan, out).expected()


def run(
    plan: Plan,
    *,
    out: Path,
    only: str = "",
    anew: str = "",
    engine: EngineName = "doit",
    device: str = "auto",
    on_event: OnEvent = silent,
) -> Done:
    """Do what of a plan is not done yet, in the folder `out`, and write the report.

    `only` does one stage again, with what it takes as it stands; `anew` does one again and goes on from
    there. Raises `RecipeError` for a stage that is not there or a folder of something else, `ManifestError`
    where another run is at work in it, `SonantError` as the stages do, naming the stage, and `Interrupted`
    when it is stopped; what is done stays.
    """
    if only and anew:
        raise RecipeError("--only does one stage and --from goes on from one: say one of the two")
    names = [plan[only].name] if only else [stage.name for stage in plan.stages]
    _open(out)
    with ledger.alone(out):
        work = Work(plan, out, device=device, on_event=on_event)
        if again := only or anew:
            kept.forget(work.folder(plan[again].name))
        try:
            ENGINES[engine](work, names)
        except KeyboardInterrupt:
            raise Interrupted("stopped between two stages; the same command goes on") from None
        finally:
            # Also of a run that failed: what is done can be looked at.
            done = _told(work)
    on_event(Note(f"{len(done.ran)} stages run, {len(done.skipped)} stood as they were"))
    return done


def _open(out: Path) -> None:
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise RecipeError(f"{out}: holds something else than a pipeline; give --out another folder")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()


def _told(work: Work) -> Done:
    """The figures and the page."""
    states = {stage.name: _state(work, stage.name) for stage in work.plan.stages}
    page = report.write(work.out, work.plan, work.done, states)
    named: dict[State, tuple[str, ...]] = {
        state: tuple(name for name, own in states.items() if own == state)
        for state in ("done", "stands", "not run")
    }
    done = Done(
        plan=work.plan,
        out=work.out,
        report=page,
        summary=work.out / SUMMARY,
        ran=named["done"],
        skipped=named["stands"],
        missing=named["not run"],
        figures={
            stage.name: dict(work.done[stage.name].made.figures)
            for stage in work.plan.stages
            if stage.name in work.done
        },
    )
    whole_file.write_text(done.summary, json.dumps(done.to_json(), indent=2) + "\n")
    return done


def _state(work: Work, name: str) -> State:
    if name in work.ran:
        return "done"
    return "stands" if work.stands(name) else "not run"
